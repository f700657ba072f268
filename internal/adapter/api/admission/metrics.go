package admission

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are those of all flows.
type Metrics struct {
	total   *prometheus.CounterVec
	wait    *prometheus.HistogramVec
	waiting *prometheus.GaugeVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "commerce_admission_total",
			Help: "Requests by what became of them: served (admitted), refused as they arrived (refused) or after a wait (expired), gone while they waited (left).",
		}, []string{"flow", "result"}),
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "commerce_admission_wait_seconds", Help: "How long requests that were served had waited for their turn.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1},
		}, []string{"flow"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "commerce_admission_waiting", Help: "Requests that wait for their turn.",
		}, []string{"flow"}),
	}
	for _, c := range []prometheus.Collector{m.total, m.wait, m.waiting} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register the metrics of admission: %w", err)
		}
	}
	return m, nil
}

// Outcomes counts what becomes of requests that wait somewhere else than in a Flow. The
// zero value counts nothing.
type Outcomes struct{ admitted, refused prometheus.Counter }

// Outcomes returns the counters of such requests.
func (m *Metrics) Outcomes(flow string) Outcomes {
	return Outcomes{m.total.WithLabelValues(flow, "admitted"), m.total.WithLabelValues(flow, "refused")}
}

// Refused counts a request that was refused.
func (o Outcomes) Refused() { o.refused.Inc() }

// Ended counts a request that has ended in err, which is busy if it was refused.
func (o Outcomes) Ended(err, busy error) {
	switch {
	case o.admitted == nil:
	case errors.Is(err, busy):
		o.refused.Inc()
	default:
		o.admitted.Inc()
	}
}

// meter has the metrics of a flow, found once.
type meter struct {
	served                 prometheus.Counter
	refused, expired, left prometheus.Counter
	wait                   prometheus.Observer
	waiting                prometheus.Gauge
}

func (m *Metrics) of(name string) meter {
	result := func(r string) prometheus.Counter { return m.total.WithLabelValues(name, r) }
	return meter{
		served: result("admitted"), refused: result("refused"), expired: result("expired"), left: result("left"),
		wait: m.wait.WithLabelValues(name), waiting: m.waiting.WithLabelValues(name),
	}
}

func (m meter) admitted(after time.Duration) {
	m.served.Inc()
	m.wait.Observe(after.Seconds())
}
