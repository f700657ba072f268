package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// unknown is an offset that is not known.
const unknown = -1

// adjustTimeout bounds the questions about the logs of new partitions.
const adjustTimeout = 10 * time.Second

// position is what is known of the log of a partition, as far as it was fetched.
type position struct {
	mu    sync.Mutex
	topic topicID
	next  int64     // the offset that is fetched next; unknown until it is
	seen  int64     // what next was at the last look for a loss
	sent  time.Time // when the last record that was processed or fetched was sent
}

// loss is a range of records that Kafka deleted before they were read.
type loss struct {
	from, to int64
	after    time.Time // when the record before them was sent; zero: not known
}

func (p *position) id() topicID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.topic
}

// begin sets where the partition of a topic is read from.
func (p *position) begin(topic topicID, next int64, sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.topic, p.next, p.seen, p.sent = topic, next, unknown, sent
}

// is reports whether fetched records are of the topic that the position is in. The first
// ones say which one that is, if that is not known.
func (p *position) is(topic topicID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.topic == (topicID{}) {
		p.topic = topic
	}
	return !topic.replaces(p.topic)
}

// passed moves the position behind what was fetched, and returns what was deleted before.
func (p *position) passed(f kgo.FetchPartition) (lost loss) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.Err == nil {
		lost = p.skip(f.LogStartOffset)
	}
	if n := len(f.Records); n > 0 {
		p.next, p.sent = f.Records[n-1].Offset+1, f.Records[n-1].Timestamp
	}
	return lost
}

// skip moves the position to the start of the log if it is before it. The caller holds the
// lock.
func (p *position) skip(start int64) (lost loss) {
	if p.next != unknown && start > p.next {
		lost = loss{p.next, start, p.sent}
		p.next = start
	}
	return lost
}

// look is skip for a partition in which nothing is fetched any more: it must have stood
// where it stands since the last look, or records may be on their way.
func (p *position) look(start int64) loss {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen != p.next {
		p.seen = p.next
		return loss{}
	}
	return p.skip(start)
}

// note counts and logs a loss.
func (c *Consumer) note(w *worker, lost loss) {
	if lost.to <= lost.from {
		return
	}
	c.metrics.lost.WithLabelValues(w.topic).Add(float64(lost.to - lost.from))
	attrs := []any{
		"topic", w.at.topic, "partition", w.at.number, "records", lost.to - lost.from, "from", lost.from, "to", lost.to - 1,
		"mend", "commerce metrics rebuild",
	}
	if !lost.after.IsZero() {
		attrs = append(attrs, "sent_after", lost.after.UTC())
	}
	c.log.Error("Kafka has deleted records before they were read", attrs...)
}

// lookForLoss looks whether the log begins behind what was fetched, though nothing waits.
// No record is left that would move the committed offset, so it is moved here.
func (c *Consumer) lookForLoss(at partition, lag kadm.GroupMemberLag) {
	w := c.worker(at)
	if w == nil || lag.Start.Err != nil || !w.queue.empty() {
		return
	}
	if lost := w.log.look(lag.Start.Offset); lost.to > lost.from {
		c.note(w, lost)
		c.offsets.put(at, place{kgo.EpochOffset{Epoch: -1, Offset: lost.to}, w.log.id(), lost.after})
	}
}

// adjust returns where new partitions are read from: where the group has stopped, except
// that a topic that is another one now is read from its start, and so is a log of which
// Kafka has deleted more than was read.
func (c *Consumer) adjust(ctx context.Context, given map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithTimeout(ctx, adjustTimeout)
	defer cancel()
	topics := slices.Sorted(maps.Keys(given))
	if len(topics) == 0 {
		return given, nil
	}
	known, err := c.logs(ctx, topics)
	if err != nil {
		return nil, err
	}
	for topic, partitions := range given {
		c.read(topic, topicID(known.topics[topic].ID))
		for number, offset := range partitions {
			partitions[number] = c.begin(partition{topic, number}, offset, known)
		}
	}
	return given, nil
}

// logs is what the brokers know of some topics.
type logs struct {
	topics       kadm.TopicDetails
	committed    kadm.OffsetResponses
	starts, ends kadm.ListedOffsets
}

func (c *Consumer) logs(ctx context.Context, topics []string) (l logs, err error) {
	if l.topics, err = c.admin.ListTopics(ctx, topics...); err != nil {
		return l, err
	}
	if l.committed, err = c.admin.FetchOffsets(ctx, c.group); err != nil {
		return l, err
	}
	if l.starts, err = c.admin.ListStartOffsets(ctx, topics...); err != nil {
		return l, err
	}
	l.ends, err = c.admin.ListEndOffsets(ctx, topics...)
	return l, err
}

// begin returns where a partition is read from, and notes that.
func (c *Consumer) begin(at partition, given kgo.Offset, known logs) kgo.Offset {
	w := c.worker(at)
	start, there := known.starts.Lookup(at.topic, at.number)
	end, _ := known.ends.Lookup(at.topic, at.number)
	if w == nil || !there || errors.Join(start.Err, end.Err) != nil {
		return given // it is not there: the client tries until it is, or the topics are looked at again
	}
	topic := topicID(known.topics[at.topic].ID)
	done, some := known.committed.Lookup(at.topic, at.number)
	if !some || done.At < 0 || done.Err != nil {
		w.log.begin(topic, start.Offset, time.Time{})
		if done.Err == nil { // what is deleted from here on before it is read is a loss
			c.offsets.put(at, place{kgo.EpochOffset{Epoch: -1, Offset: start.Offset}, topic, time.Time{}})
		}
		return given
	}
	was := readNote(done.Metadata)
	switch {
	case topic.replaces(was.topic) || done.At > end.Offset:
		c.log.Warn("the topic is not the one that was read before: reading it from its start", "topic", at.topic, "partition", at.number, "offset_before", done.At)
		w.log.begin(topic, start.Offset, time.Time{})
	case done.At < start.Offset:
		c.note(w, loss{done.At, start.Offset, was.sent})
		w.log.begin(topic, start.Offset, was.sent)
	default:
		w.log.begin(topic, done.At, was.sent)
		return given
	}
	c.offsets.put(at, place{kgo.EpochOffset{Epoch: -1, Offset: start.Offset}, topic, was.sent})
	return kgo.NewOffset().At(start.Offset)
}
