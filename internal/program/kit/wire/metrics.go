package wire

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Counts reads the current values of a counter by the value of its label.
type Counts map[string]func() int64

// ExportCounts registers a counter commerce_NAME with one label. Its values are
// read when they are scraped. A counter that is registered already is an error: a
// program must not start without its metrics.
func (e Env) ExportCounts(name, help, label string, counts Counts) error {
	for value, read := range counts {
		if err := e.exportCount(name, help, prometheus.Labels{label: value}, read); err != nil {
			return fmt.Errorf("register the metric %s of %s %s: %w", name, label, value, err)
		}
	}
	return nil
}

// ExportCount is ExportCounts for a counter without a label.
func (e Env) ExportCount(name, help string, read func() int64) error {
	if err := e.exportCount(name, help, nil, read); err != nil {
		return fmt.Errorf("register the metric %s: %w", name, err)
	}
	return nil
}

func (e Env) exportCount(name, help string, labels prometheus.Labels, read func() int64) error {
	return e.Registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "commerce", Name: name, Help: help, ConstLabels: labels,
	}, func() float64 { return float64(read()) }))
}
