package kafka

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Headers that say where a dead letter comes from and why it is one. All of
// them are text.
const (
	DeadTopic     = "kafka_dlt-original-topic"
	DeadPartition = "kafka_dlt-original-partition"
	DeadOffset    = "kafka_dlt-original-offset"
	DeadTimestamp = "kafka_dlt-original-timestamp" // milliseconds since 1970
	DeadGroup     = "kafka_dlt-original-consumer-group"
	DeadCause     = "kafka_dlt-exception-fqcn"
	DeadMessage   = "kafka_dlt-exception-message"
)

const (
	buryTimeout = 10 * time.Second
	maxMessage  = 1_000 // bytes
)

// bury writes a record to the dead letters and insists on it: only then may its
// offset be committed. It reports false if the partition has to go first.
func (w *worker) bury(r *kgo.Record, cause error) bool {
	ok := w.insist(func() error {
		ctx, cancel := context.WithTimeout(w.ctx, buryTimeout)
		defer cancel()
		return w.client.ProduceSync(ctx, w.letter(r, cause)).FirstErr()
	})
	if ok {
		w.count.dead.WithLabelValues(w.topic).Inc()
		w.log.Warn("a record cannot be read and went to the dead letters",
			"topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "error", cause)
	}
	return ok
}

// letter is the record with the story of how it came here. One that is too large
// to be sent on only says where the record is, and so does not hold up the
// partition for ever.
func (w *worker) letter(r *kgo.Record, cause error) *kgo.Record {
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
		header(DeadGroup, w.group),
		header(DeadCause, unreadable()),
		header(DeadMessage, strings.ToValidUTF8(message[:min(len(message), maxMessage)], "")))
	return l
}

// unreadable is the full name of the only cause there is so far.
func unreadable() string { return reflect.TypeFor[event.Envelope]().PkgPath() + ".ErrUnreadable" }
