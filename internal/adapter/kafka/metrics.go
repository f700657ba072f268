package kafka

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "commerce"

// register registers c, or returns the one that is registered already: several
// consumers of a process share their metrics and differ by label.
func register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	var twice prometheus.AlreadyRegisteredError
	if err := r.Register(c); errors.As(err, &twice) {
		if same, ok := twice.ExistingCollector.(C); ok {
			return same
		}
	}
	return c
}

func counter(r prometheus.Registerer, name, help string, labels ...string) *prometheus.CounterVec {
	return register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

func histogram(r prometheus.Registerer, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return register(r, prometheus.NewHistogramVec(
		prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels))
}

func gauge(r prometheus.Registerer, name, help string, labels ...string) *prometheus.GaugeVec {
	return register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

// consumed counts what one group does.
type consumed struct {
	records, skipped, dead, failures *prometheus.CounterVec // by topic
	size, seconds                    prometheus.Observer
	lag                              *prometheus.GaugeVec // by topic and partition
}

func newConsumed(r prometheus.Registerer, group string) consumed {
	labels := prometheus.Labels{"group": group}
	of := func(name, help string) *prometheus.CounterVec {
		return counter(r, name, help, "group", "topic").MustCurryWith(labels)
	}
	return consumed{
		records:  of("consumed_records_total", "Records dealt with."),
		skipped:  of("consumed_unknown_total", "Records skipped because their event type is not known here."),
		dead:     of("consumed_dead_letters_total", "Records that could not be read."),
		failures: of("consumed_failures_total", "Batches that failed and were tried again."),
		size: histogram(r, "consumed_batch_records", "Records in a batch.",
			prometheus.ExponentialBuckets(1, 4, 7), "group").With(labels),
		seconds: histogram(r, "consumed_batch_seconds", "Time that a batch took.",
			prometheus.ExponentialBuckets(0.001, 4, 8), "group").With(labels),
		lag: gauge(r, "consumer_lag_records", "Records that wait, in the partitions that this process holds.",
			"group", "topic", "partition").MustCurryWith(labels),
	}
}

// OutboxMeter shows the outbox and its relay.
type OutboxMeter struct {
	waiting, oldest prometheus.Gauge
	relayed         prometheus.Counter
}

// NewOutboxMeter returns a meter that shows itself in r.
func NewOutboxMeter(r prometheus.Registerer) *OutboxMeter {
	return &OutboxMeter{
		waiting: gauge(r, "outbox_waiting_events", "Events that were committed and not yet sent.").WithLabelValues(),
		oldest:  gauge(r, "outbox_oldest_seconds", "Age of the oldest event that waits.").WithLabelValues(),
		relayed: counter(r, "outbox_relayed_total", "Events that this process sent and deleted.").WithLabelValues(),
	}
}

// Backlog notes how many events wait and how old the oldest is.
func (m *OutboxMeter) Backlog(waiting int64, age time.Duration) {
	m.waiting.Set(float64(waiting))
	m.oldest.Set(age.Seconds())
}

// Relayed counts events that were sent and deleted.
func (m *OutboxMeter) Relayed(n int) { m.relayed.Add(float64(n)) }
