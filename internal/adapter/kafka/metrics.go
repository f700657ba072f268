package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "commerce"

// register registers every collector. A metric that nobody can read is a mistake
// in the program, so the caller must not start.
func register(r prometheus.Registerer, all ...prometheus.Collector) error {
	errs := make([]error, 0, len(all))
	for _, c := range all {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// consumerMetrics counts what one group does in this process.
type consumerMetrics struct {
	records, skipped, retries, failures *prometheus.CounterVec // by topic
	deadLetters                         *prometheus.CounterVec // by topic and cause
	lost, renewed                       *prometheus.CounterVec // by topic
	size, seconds                       prometheus.Histogram
	lag, age, parkedKeys                *prometheus.GaugeVec // by topic and partition
}

// newConsumerMetrics registers the metrics of a group. The group is a constant
// label, so a process may have consumers of several groups, but one of each.
func newConsumerMetrics(r prometheus.Registerer, group string) (consumerMetrics, error) {
	m := consumerMetrics{
		records:     counter("consumed_records_total", "Records processed.", "topic"),
		skipped:     counter("consumed_unknown_total", "Records skipped because this program does not know their event type.", "topic"),
		retries:     counter("consumed_retries_total", "Records sent to a retry topic because they could not be processed.", "topic"),
		deadLetters: counter("consumed_dead_letters_total", "Records sent to the dead-letter topic.", "topic", "cause"),
		failures: counter("consumed_failures_total",
			"Attempts to process a batch, or to write a record to another topic, that failed and are repeated because a dependency is away.", "topic"),
		lost:    counter("consumer_lost_records_total", "Records that Kafka deleted before this group had read them.", "topic"),
		renewed: counter("consumer_renewed_topics_total", "Topics that were deleted and made again while this process read them.", "topic"),
		size:    histogram("consumed_batch_records", "Records in a batch.", prometheus.ExponentialBuckets(1, 4, 7)),
		seconds: histogram("consumed_batch_seconds", "Time to process a batch, in seconds.",
			prometheus.ExponentialBuckets(0.001, 4, 8)),
		age:        gauge("consumer_lag_seconds", "Age of the first record that is not processed, in the partitions assigned to this process.", "topic", "partition"),
		parkedKeys: gauge("consumer_parked_keys", "Keys whose records wait behind one that failed.", "topic", "partition"),
		lag:        gauge("consumer_lag_records", "Records not yet consumed, in the partitions assigned to this process.", "topic", "partition"),
	}
	err := register(prometheus.WrapRegistererWith(prometheus.Labels{"group": group}, r),
		m.records, m.skipped, m.retries, m.deadLetters, m.lost, m.renewed, m.failures, m.size, m.seconds, m.lag, m.age, m.parkedKeys)
	return m, err
}

// OutboxMeter exports the state of the outbox and what its relay does.
type OutboxMeter struct {
	waiting, oldest, setAside, sick prometheus.Gauge
	relayed                         prometheus.Counter
}

// NewOutboxMeter registers the metrics of the outbox in r. A registry can hold
// them once.
func NewOutboxMeter(r prometheus.Registerer) (*OutboxMeter, error) {
	m := &OutboxMeter{
		waiting: gauge("outbox_waiting_events", "Events that are committed and not yet sent to Kafka: exact up to 10,000, an estimate above. "+
			"Only a process that holds a lane of the outbox measures each second; another one does so every 10 s.").WithLabelValues(),
		oldest: gauge("outbox_oldest_seconds",
			"Age of the oldest event not yet sent to Kafka, in seconds. Events that are set aside, and those that wait behind them, do not count.").WithLabelValues(),
		setAside: gauge("outbox_set_aside_events",
			"Events that Kafka does not take as they are. The later events of their keys wait behind them: commerce outbox list.").WithLabelValues(),
		sick:    gauge("outbox_sick_partitions", "Partitions that do not take events, and that the relay of this process passes over.").WithLabelValues(),
		relayed: counter("outbox_relayed_total", "Events that this process sent to Kafka and deleted from the outbox.").WithLabelValues(),
	}
	return m, register(r, m.waiting, m.oldest, m.setAside, m.sick, m.relayed)
}

// Backlog sets how many events wait and how old the oldest one is.
func (m *OutboxMeter) Backlog(waiting int64, age time.Duration) {
	m.waiting.Set(float64(waiting))
	m.oldest.Set(age.Seconds())
}

// SetAside sets how many events are set aside.
func (m *OutboxMeter) SetAside(events int) { m.setAside.Set(float64(events)) }

// Sick sets how many partitions are passed over.
func (m *OutboxMeter) Sick(partitions int) { m.sick.Set(float64(partitions)) }

// Relayed counts events that were sent and deleted.
func (m *OutboxMeter) Relayed(n int) { m.relayed.Add(float64(n)) }
