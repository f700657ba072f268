package pgclient

import (
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/prometheus/client_golang/prometheus"
)

// meter has the metrics of the calls to the gateway.
type meter struct {
	calls    *prometheus.CounterVec // by call and outcome
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	state    *prometheus.GaugeVec // 1 for the current state
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
		calls: counter("calls_total", "Calls to the payment gateway by outcome. Each attempt counts.", "call", "outcome"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "call_seconds", Help: "Duration of the calls that were let through.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 5},
		}, []string{"call"}),
		inFlight: prometheus.NewGauge(gauge("calls_in_flight", "Calls in progress.")),
		state: prometheus.NewGaugeVec(
			gauge("breaker_state", "1 for the current state of the circuit breaker, 0 for the others."), []string{"state"}),
		changes: counter("breaker_transitions_total", "Transitions of the circuit breaker, by the new state.", "to"),
	}
}

func (m *meter) register(r prometheus.Registerer) error {
	var all []error
	for _, c := range []prometheus.Collector{m.calls, m.seconds, m.inFlight, m.state, m.changes} {
		all = append(all, r.Register(c))
	}
	return errors.Join(all...)
}

// called counts a call by its outcome.
func (m *meter) called(name string, o outcome) { m.calls.WithLabelValues(name, string(o)).Inc() }

// took observes the duration of a call that was let through.
func (m *meter) took(name string, d time.Duration) {
	m.seconds.WithLabelValues(name).Observe(d.Seconds())
}

// changed sets the metrics of the breaker's state.
func (m *meter) changed(c transition) {
	for _, s := range []state{closed, open, halfOpen} {
		m.state.WithLabelValues(string(s)).Set(0)
		m.changes.WithLabelValues(string(s))
	}
	m.state.WithLabelValues(string(c.to)).Set(1)
	if c.from != "" {
		m.changes.WithLabelValues(string(c.to)).Inc()
	}
}

// bulkhead returns a policy that lets up to limit calls through at once. Others wait up
// to maxWait.
func (m *meter) bulkhead(limit int, maxWait time.Duration) failsafe.Policy[transactions] {
	b := bulkhead.NewBuilder[transactions](uint(limit)) // it is positive: see Config.check
	return b.WithMaxWaitTime(maxWait).
		OnAcquired(func(failsafe.ExecutionEvent[transactions]) { m.inFlight.Inc() }).
		OnReleased(func(failsafe.ExecutionEvent[transactions]) { m.inFlight.Dec() }).
		Build()
}
