package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/base/id"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// metrics counts what jobs do. It implements jobs.Observer.
type metrics struct {
	duration    *prometheus.HistogramVec
	items       *prometheus.CounterVec
	executions  *prometheus.CounterVec
	lastSuccess *prometheus.GaugeVec
	differences *prometheus.GaugeVec
}

// newMetrics registers the metrics. A second registration is an error.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "commerce", Name: "batch_job_duration_seconds", Help: "How long executions of jobs took that have ended in this process.",
			Buckets: []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400},
		}, []string{"job"}),
		items: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "commerce", Name: "batch_job_items_total", Help: "Items that jobs have read, written and skipped in this process.",
		}, []string{"job", "step", "kind"}),
		executions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "commerce", Name: "batch_job_executions_total", Help: "Executions of jobs that have ended in this process.",
		}, []string{"job", "status"}),
		lastSuccess: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "commerce", Name: "batch_job_last_success_timestamp_seconds", Help: "When the job was last completed, as far as this process knows.",
		}, []string{"job"}),
		differences: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "commerce", Name: "ranking_differences",
			Help: "Scores of the boards, and rows of the tables, that differed from the counters in the last rankingVerifyJob of this process.",
		}, []string{"in"}),
	}
	for _, c := range []prometheus.Collector{m.duration, m.items, m.executions, m.lastSuccess, m.differences} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register the metrics of jobs: %w", err)
		}
	}
	return m, nil
}

// remember sets the last successes from the history, so that a program that was just
// started does not seem to have never succeeded.
func (m *metrics) remember(ctx context.Context, db store.DB, all []jobs.Job) error {
	const recent = 20 // executions of a job that are looked through
	return db.View(ctx, func(tx store.Tx) error {
		var failed []error
		for _, j := range all {
			found, err := tx.Jobs.List(ctx, j.Name, id.ID{}, recent)
			failed = append(failed, err)
			for _, e := range found {
				if e.Status == job.Completed {
					m.lastSuccess.WithLabelValues(j.Name).Set(float64(e.EndedAt.UnixMilli()) / 1000)
					break
				}
			}
		}
		return errors.Join(failed...)
	})
}

// Planned implements jobs.Observer.
func (*metrics) Planned(job.Execution, string, int, int) {}

// Progressed implements jobs.Observer.
func (m *metrics) Progressed(e job.Execution, step string, done jobs.Counts) {
	m.items.WithLabelValues(e.Job, step, "read").Add(float64(done.Read))
	m.items.WithLabelValues(e.Job, step, "written").Add(float64(done.Written))
	m.items.WithLabelValues(e.Job, step, "skipped").Add(float64(done.Skipped))
}

// PartitionDone implements jobs.Observer.
func (*metrics) PartitionDone(job.Execution, string, string) {}

// Ended implements jobs.Observer.
func (m *metrics) Ended(e job.Execution) {
	m.duration.WithLabelValues(e.Job).Observe(e.EndedAt.Sub(e.CreatedAt).Seconds())
	m.executions.WithLabelValues(e.Job, string(e.Status)).Inc()
	if e.Status == job.Completed {
		m.lastSuccess.WithLabelValues(e.Job).Set(float64(e.EndedAt.UnixMilli()) / 1000)
	}
}
