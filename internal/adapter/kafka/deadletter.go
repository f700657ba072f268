package kafka

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers that say where a dead letter comes from and why it is one. All values
// are text. The names are those of Spring Kafka's dead-letter publisher, so its
// tools can read them.
const (
	DeadTopic     = "kafka_dlt-original-topic"
	DeadPartition = "kafka_dlt-original-partition"
	DeadOffset    = "kafka_dlt-original-offset"
	DeadTimestamp = "kafka_dlt-original-timestamp" // milliseconds since 1970
	DeadGroup     = "kafka_dlt-original-consumer-group"
	DeadCause     = "kafka_dlt-exception-fqcn"
	DeadMessage   = "kafka_dlt-exception-message"
)

// CauseUnreadable is the value of DeadCause for a record that cannot be read:
// the only cause so far. It is part of the wire format and independent of the
// names of Go packages and types.
const CauseUnreadable = "commerce.UnreadableRecord"

const (
	deadLetterTimeout = 10 * time.Second
	maxMessage        = 1_000 // bytes
)

// deadLetter writes a record to the dead-letter topic and retries until Kafka has
// it: only then may the record's offset be committed. It reports false if the
// partition has to be given up first.
func (w *worker) deadLetter(r *kgo.Record, cause error) bool {
	ok := w.retry(func() error {
		ctx, cancel := context.WithTimeout(w.ctx, deadLetterTimeout)
		defer cancel()
		return w.consumer.client.ProduceSync(ctx, newDeadLetter(r, w.consumer.group, cause)).FirstErr()
	})
	if ok {
		w.consumer.metrics.deadLetters.WithLabelValues(w.topic).Inc()
		w.consumer.log.Warn("a record cannot be read: it was sent to the dead-letter topic",
			"topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "error", cause)
	}
	return ok
}

// newDeadLetter copies a record and adds the headers that say where it comes
// from. A record that is too large to be produced again is not copied: the
// headers alone say where it is, and the partition is not blocked for ever.
func newDeadLetter(r *kgo.Record, group string, cause error) *kgo.Record {
	l := &kgo.Record{Topic: DeadLetterTopic(r.Topic)}
	if size(r) <= maxRecord {
		l.Key, l.Value, l.Headers = r.Key, r.Value, slices.Clone(r.Headers)
	}
	message := cause.Error() // it may quote the record
	l.Headers = append(l.Headers,
		header(DeadTopic, r.Topic),
		header(DeadPartition, strconv.Itoa(int(r.Partition))),
		header(DeadOffset, strconv.FormatInt(r.Offset, 10)),
		header(DeadTimestamp, strconv.FormatInt(r.Timestamp.UnixMilli(), 10)),
		header(DeadGroup, group),
		header(DeadCause, CauseUnreadable),
		header(DeadMessage, strings.ToValidUTF8(message[:min(len(message), maxMessage)], "")))
	return l
}
