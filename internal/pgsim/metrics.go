package pgsim

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	namespace = "commerce"
	subsystem = "pgsim"
)

// meter counts what the gateway does.
type meter struct {
	calls       *prometheus.CounterVec
	inFlight    *prometheus.GaugeVec
	settlements *prometheus.CounterVec
	callbacks   *prometheus.CounterVec
}

func newMeter() *meter {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	return &meter{
		calls:       counter("requests_total", "Calls to the gateway, by what became of them.", "call", "outcome"),
		settlements: counter("settlements_total", "Transactions that settled.", "status"),
		callbacks:   counter("callbacks_total", "Callbacks: delivered, lost on purpose, an attempt that failed, given up.", "kind", "result"),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "requests_in_flight", Help: "Calls that are under way.",
		}, []string{"call"}),
	}
}

func (m *meter) called(call, outcome string) { m.calls.WithLabelValues(call, outcome).Inc() }

// under counts a call as under way until end is called.
func (m *meter) under(call string) (end func()) {
	g := m.inFlight.WithLabelValues(call)
	g.Inc()
	return g.Dec
}

// register gives the metrics, and what can be read off the state, to r.
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
		s.meter.calls, s.meter.inFlight, s.meter.settlements, s.meter.callbacks,
		gauge("charged_won", "Won that cards paid, also if they were given back.", func() float64 { return float64(s.Totals().Charged) }),
		gauge("refunded_won", "Won that were given back.", func() float64 { return float64(s.Totals().Refunded) }),
		gauge("callbacks_waiting", "Callbacks that are to be sent, or sent again.", func() float64 { return float64(s.letters.len()) }),
	} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}
