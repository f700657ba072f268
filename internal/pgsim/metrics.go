package pgsim

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	namespace = "commerce"
	subsystem = "pgsim"
)

// metrics are the metrics of the gateway.
type metrics struct {
	calls       *prometheus.CounterVec
	inFlight    *prometheus.GaugeVec
	settlements *prometheus.CounterVec
	callbacks   *prometheus.CounterVec
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	return &metrics{
		calls:       counter("requests_total", "Calls to the gateway by outcome.", "call", "outcome"),
		settlements: counter("settlements_total", "Settled transactions by status.", "status"),
		callbacks:   counter("callbacks_total", "Callbacks by result: delivered, lost (deliberately not sent), failed (one attempt), gave up.", "kind", "result"),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "requests_in_flight", Help: "Calls in flight.",
		}, []string{"call"}),
	}
}

func (m *metrics) countCall(call, outcome string) { m.calls.WithLabelValues(call, outcome).Inc() }

// trackInFlight counts a call as in flight until end is called.
func (m *metrics) trackInFlight(call string) (end func()) {
	g := m.inFlight.WithLabelValues(call)
	g.Inc()
	return g.Dec
}

// register registers all metrics. It does nothing if r is nil.
func (s *Simulator) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, read)
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		s.metrics.calls, s.metrics.inFlight, s.metrics.settlements, s.metrics.callbacks,
		gauge("charged_won", "Charged amount in won, including refunded charges.", func() float64 { return float64(s.Totals().Charged) }),
		gauge("refunded_won", "Refunded amount in won.", func() float64 { return float64(s.Totals().Refunded) }),
		gauge("callbacks_waiting", "Callbacks that wait for their first or next attempt.", func() float64 { return float64(s.callbacks.len()) }),
	} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}
