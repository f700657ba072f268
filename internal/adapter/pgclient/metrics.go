package pgclient

import (
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/prometheus/client_golang/prometheus"
)

// meter shows how the gateway is spoken to.
type meter struct {
	calls    *prometheus.CounterVec // by call and outcome
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	state    *prometheus.GaugeVec // 1 for the state that the breaker is in
	changes  *prometheus.CounterVec
}

func newMeter() *meter {
	const namespace, subsystem = "commerce", "gateway"
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	return &meter{
		calls: counter("calls_total", "Calls to the payment gateway, each attempt counted, by what they came to.", "call", "outcome"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "call_seconds", Help: "How long calls took that were let through.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 5},
		}, []string{"call"}),
		inFlight: prometheus.NewGauge(gauge("calls_in_flight", "Calls that are under way.")),
		state: prometheus.NewGaugeVec(
			gauge("breaker_state", "1 for the state that the circuit breaker is in, 0 for the others."), []string{"state"}),
		changes: counter("breaker_transitions_total", "Changes of the circuit breaker, by the state that it came to.", "to"),
	}
}

func (m *meter) register(r prometheus.Registerer) error {
	var all []error
	for _, c := range []prometheus.Collector{m.calls, m.seconds, m.inFlight, m.state, m.changes} {
		all = append(all, r.Register(c))
	}
	return errors.Join(all...)
}

// called counts a call and what it came to.
func (m *meter) called(name string, came outcome) { m.calls.WithLabelValues(name, string(came)).Inc() }

// took notes how long a call took that was let through.
func (m *meter) took(name string, d time.Duration) {
	m.seconds.WithLabelValues(name).Observe(d.Seconds())
}

// changed shows the breaker's state.
func (m *meter) changed(c change) {
	for _, s := range []state{closed, open, halfOpen} {
		m.state.WithLabelValues(string(s)).Set(0)
		m.changes.WithLabelValues(string(s))
	}
	m.state.WithLabelValues(string(c.to)).Set(1)
	if c.from != "" {
		m.changes.WithLabelValues(string(c.to)).Inc()
	}
}

// bulkhead lets so many calls through at once; others wait for a while.
func (m *meter) bulkhead(most int, patience time.Duration) failsafe.Policy[transactions] {
	b := bulkhead.NewBuilder[transactions](uint(most))
	return b.WithMaxWaitTime(patience).
		OnAcquired(func(failsafe.ExecutionEvent[transactions]) { m.inFlight.Inc() }).
		OnReleased(func(failsafe.ExecutionEvent[transactions]) { m.inFlight.Dec() }).
		Build()
}
