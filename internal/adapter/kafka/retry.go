package kafka

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Headers of a record in a retry topic. The names are those of Spring Kafka's
// @RetryableTopic; all values are text.
const (
	RetryAttempts = "retry_topic-attempts"          // how often the record was tried
	RetryDue      = "retry_topic-backoff-timestamp" // when it may be tried again, in milliseconds since 1970
)

// RetryTopic returns the topic in which records of a topic that a group could not
// process wait for the delay. Each group has its own: a retry of one group does not
// reach the others. All are named without prefix.
func RetryTopic(topic, group string, delay time.Duration) string {
	return topic + "-" + group + "-retry-" + strconv.FormatInt(delay.Milliseconds(), 10)
}

// sources returns the topic that each retry topic of a group is for, with prefix.
func (c Config) sources(group string, topics []string) map[string]string {
	sources := map[string]string{}
	for _, topic := range topics {
		for _, name := range RetryTopics(group, []string{topic}) {
			sources[c.Topic(name)] = c.Topic(topic)
		}
	}
	return sources
}

// RetryTopics lists the topics in which a group finds records of the topics again: a
// park for each if it needs their order, and retry topics otherwise.
func RetryTopics(group string, topics []string) []string {
	var names []string
	for _, topic := range topics {
		if event.InOrder(group) {
			names = append(names, ParkTopic(topic, group))
			continue
		}
		for _, delay := range Delays() {
			names = append(names, RetryTopic(topic, group, delay))
		}
	}
	return names
}

// AgainTopic returns the topic to which a record is written so that the group, and no
// other, processes it again.
func AgainTopic(topic, group string) string { return RetryTopics(group, []string{topic})[0] }

// dueTime returns when a record of a retry topic may be processed.
func dueTime(r *kgo.Record) time.Time {
	ms, err := strconv.ParseInt(text(r.Headers, RetryDue), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// atOnce is dueTime for the records of all other topics.
func atOnce(*kgo.Record) time.Time { return time.Time{} }

// origin is the place of a record before it was first sent to another topic.
type origin struct {
	topic, partition, offset, timestamp string
	attempts                            int // including the one that has just failed
	replays                             int // how often it was sent to the group again
}

// originOf returns where a record comes from: for one in a retry topic, what its
// headers say. Headers of other records are not believed: anyone may have set them.
func (c *Consumer) originOf(r *kgo.Record) origin {
	topic, retried := c.sources[r.Topic]
	if !retried {
		return origin{
			topic: r.Topic, partition: strconv.Itoa(int(r.Partition)), attempts: 1,
			offset: strconv.FormatInt(r.Offset, 10), timestamp: strconv.FormatInt(r.Timestamp.UnixMilli(), 10),
		}
	}
	tried, err := strconv.Atoi(text(r.Headers, RetryAttempts))
	if err != nil || tried < 0 {
		tried = attempts()
	}
	return origin{
		topic: topic, partition: text(r.Headers, DeadPartition), offset: text(r.Headers, DeadOffset),
		timestamp: text(r.Headers, DeadTimestamp), attempts: tried + 1, replays: count(r, Replays),
	}
}

// sendAway writes a record that could not be processed to its next topic. In a park, it
// stays the first and is tried again when it is due. It reports false if the partition
// has to be given up first.
func (w *worker) sendAway(r *kgo.Record, cause error) bool {
	if next := w.consumer.next(r, cause); next.Topic == r.Topic {
		w.queue.postpone(postponed(r, next))
		w.postponed = true
		w.consumer.metrics.retries.WithLabelValues(w.topic).Inc()
		return true
	}
	written, ok := w.produce(func() []*kgo.Record { return []*kgo.Record{w.consumer.next(r, cause)} })
	if !ok {
		return false
	}
	next := written[0]
	ctx := traceOf(w.ctx, r)
	log := w.consumer.log.With("topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "to", next.Topic, "error", cause)
	if _, again := w.consumer.sources[next.Topic]; !again {
		w.consumer.metrics.deadLetters.WithLabelValues(w.topic, causeOf(cause)).Inc()
		log.WarnContext(ctx, "a record cannot be processed: it was sent to the dead-letter topic")
		return true
	}
	w.parked.add(next)
	w.consumer.metrics.retries.WithLabelValues(w.topic).Inc()
	log.WarnContext(ctx, "a record could not be processed: it was sent to a topic of this group to be tried again")
	return true
}

// produce writes records and repeats that until Kafka has them: only then may the
// offsets of those that they are copies of be committed. It makes other copies for each
// attempt: the client keeps the context of the first in them.
func (w *worker) produce(copies func() []*kgo.Record) (written []*kgo.Record, ok bool) {
	ok = w.retry(func() error {
		ctx, cancel := context.WithTimeout(w.ctx, deadLetterTimeout)
		defer cancel()
		written = copies()
		spans := make([]tracing.Span, len(written))
		for i, r := range written {
			spans[i] = w.consumer.config.sending(ctx, r)
		}
		err := w.consumer.client.ProduceSync(ctx, written...).FirstErr()
		for _, span := range spans {
			span.End(err)
		}
		if errors.Is(err, kerr.UnknownTopicID) { // the topic was deleted and made again
			for _, r := range written {
				w.consumer.client.PurgeTopicsFromProducing(r.Topic)
			}
		}
		return err
	})
	return written, ok
}

// next returns what is written for a record that could not be processed. It is a
// copy with headers that say where it comes from, why it is there and when it is
// tried again. A record that is too large to be produced again becomes a dead letter
// of headers alone: they say where it is, and the partition is not blocked for ever.
func (c *Consumer) next(r *kgo.Record, cause error) *kgo.Record {
	from, whole := c.originOf(r), size(r) <= maxRecord
	n := &kgo.Record{Topic: DeadLetterTopic(from.topic)}
	var due []kgo.RecordHeader
	if whole && blameFor(cause) == record && from.attempts < attempts() {
		delay := Delays()[from.attempts-1]
		n.Topic, n.Partition = c.config.Topic(c.nextTopic(c.config.bare(from.topic), delay)), r.Partition
		due = append(due, header(RetryDue, strconv.FormatInt(c.config.Clock().Add(delay).UnixMilli(), 10)))
	}
	if whole {
		n.Key, n.Value, n.Headers = r.Key, r.Value, foreign(r.Headers)
	}
	n.Headers = append(append(n.Headers, c.failure(from, cause)...), due...)
	return n
}

func (c *Consumer) nextTopic(topic string, delay time.Duration) string {
	if event.InOrder(c.name) {
		return ParkTopic(topic, c.name)
	}
	return RetryTopic(topic, c.name, delay)
}

// foreign returns the headers without those that next adds.
func foreign(headers []kgo.RecordHeader) []kgo.RecordHeader {
	return slices.DeleteFunc(slices.Clone(headers), func(h kgo.RecordHeader) bool { return ours(h.Key) })
}

// ours reports whether a header is one of those that next adds.
func ours(name string) bool {
	name = strings.ToLower(name) // as find compares names
	return strings.HasPrefix(name, "kafka_dlt-") || strings.HasPrefix(name, "retry_topic-") || name == Replays
}
