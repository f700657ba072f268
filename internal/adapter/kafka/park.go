package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// ParkTopic returns the topic in which a group that needs the order of a key keeps a
// record that failed, and behind it all later records of its key. Each record is in
// the partition that it came from. A park is processed in order: its first record is
// tried again until it succeeds or becomes a dead letter, and those behind it wait.
func ParkTopic(topic, group string) string { return topic + "-" + group + "-park" }

// maxParked bounds the records that wait in one partition of a park. Beyond, the
// partition that they come from waits.
const maxParked = 10_000

// errTooLargeToWait makes a record a dead letter: brokers would refuse it in the park, and
// before those that wait it would break the order.
var errTooLargeToWait = errors.New("an earlier record of its key waits, and it is too large to be written behind it")

// parkInterval is how often a partition without new records looks which of its keys are
// still parked.
const parkInterval = time.Second

var errParkFull = errors.New("too many records wait behind one that failed: waiting for them")

// parking knows the keys of one partition that have records in the park. Where order
// does not matter it is nil, and no key is parked.
type parking struct {
	consumer *Consumer
	at       partition // in the park
	topic    topicID   // the park that was loaded
	loaded   bool
	last     map[string]int64 // by key, the offset of its last record in the park
	done     int64            // the group has processed the park up to this offset
	end      int64            // the offset after the last record known
}

// parks returns the parks of the group, each with the topic that it is for.
func (c *Consumer) parks() map[string]string {
	if event.InOrder(c.name) {
		return c.sources
	}
	return nil
}

// parkingFor returns the parking of a partition, or nil.
func (c *Consumer) parkingFor(at partition) *parking {
	if _, again := c.sources[at.topic]; again || !event.InOrder(c.name) {
		return nil
	}
	return &parking{
		consumer: c, last: map[string]int64{},
		at: partition{c.config.Topic(ParkTopic(c.config.bare(at.topic), c.name)), at.number},
	}
}

// add notes that records were written to the park.
func (p *parking) add(records ...*kgo.Record) {
	if p == nil {
		return
	}
	for _, r := range records {
		p.last[string(r.Key)], p.end = r.Offset, r.Offset+1
	}
	p.show()
}

// some reports whether a key is parked, as far as is known.
func (p *parking) some() bool { return p != nil && len(p.last) > 0 }

func (p *parking) has(key []byte) bool {
	if p == nil {
		return false
	}
	_, there := p.last[string(key)]
	return there
}

// refresh reads what the group has processed of the park. The first time, it reads the
// keys that wait there: they may be from before this process.
func (p *parking) refresh(ctx context.Context) (err error) {
	if p == nil {
		return nil
	}
	p.compare(p.consumer.reads(p.at.topic))
	if p.loaded && len(p.last) == 0 {
		return nil
	}
	if p.done, err = p.processed(ctx); err != nil {
		return err
	}
	if !p.loaded {
		if err := p.load(ctx); err != nil {
			return fmt.Errorf("read the park %s/%d: %w", p.at.topic, p.at.number, err)
		}
		p.loaded = true
	}
	for key, offset := range p.last {
		if offset < p.done {
			delete(p.last, key)
		}
	}
	p.show()
	if len(p.last) > 0 && p.end-p.done >= maxParked {
		return errParkFull
	}
	return nil
}

// compare begins anew if the park is another topic now: nothing that waited is left.
func (p *parking) compare(now topicID) {
	if now.replaces(p.topic) {
		p.loaded, p.last, p.end = false, map[string]int64{}, 0
	}
	p.topic = now
}

// refreshParked is refresh within a deadline: a record of the park that Kafka has deleted
// meanwhile never comes, and the next attempt begins behind it.
func (w *worker) refreshParked() error {
	ctx, cancel := context.WithTimeout(w.ctx, w.consumer.config.deadline())
	defer cancel()
	return w.parked.refresh(ctx)
}

// processed returns the offset that the group has committed in the park.
func (p *parking) processed(ctx context.Context) (int64, error) {
	committed, err := p.consumer.admin.FetchOffsets(ctx, p.consumer.group)
	if err != nil {
		return 0, err
	}
	o, there := committed.Lookup(p.at.topic, p.at.number)
	if !there || o.At < 0 {
		return 0, nil
	}
	return o.At, o.Err
}

// load reads the keys of the records that wait.
func (p *parking) load(ctx context.Context) error {
	from, to, err := p.waiting(ctx)
	if err != nil || from >= to {
		return err
	}
	unpack, err := newUnpacker()
	if err != nil {
		return err
	}
	reader, err := p.consumer.config.connect(p.consumer.log, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		p.at.topic: {p.at.number: kgo.NewOffset().At(from)},
	}), kgo.FetchMaxBytes(maxFetch), kgo.FetchMaxPartitionBytes(maxFetchPartition), kgo.WithDecompressor(unpack), kgo.WithHooks(unpack))
	if err != nil {
		return err
	}
	defer reader.Close()
	for p.end = from; p.end < to; {
		fetched := reader.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return err
		}
		fetched.EachRecord(func(r *kgo.Record) { p.last[string(r.Key)], p.end = r.Offset, r.Offset+1 })
	}
	return nil
}

// waiting returns the offsets between which records wait.
func (p *parking) waiting(ctx context.Context) (from, to int64, err error) {
	ends, err := p.consumer.admin.ListEndOffsets(ctx, p.at.topic)
	if err != nil {
		return 0, 0, err
	}
	starts, err := p.consumer.admin.ListStartOffsets(ctx, p.at.topic)
	if err != nil {
		return 0, 0, err
	}
	end, known := ends.Lookup(p.at.topic, p.at.number)
	start, _ := starts.Lookup(p.at.topic, p.at.number)
	if err := errors.Join(end.Err, start.Err); err != nil || !known {
		return 0, 0, err
	}
	return max(p.done, start.Offset), end.Offset, nil
}

func (p *parking) show() {
	p.consumer.metrics.parkedKeys.WithLabelValues(p.consumer.config.bare(p.at.topic), strconv.Itoa(int(p.at.number))).Set(float64(len(p.last)))
}

// follow sends the records whose key is parked after those that wait, and returns the
// others. ok is false if the partition had to be given up first.
func follow(w *worker, records []*kgo.Record) (free []*kgo.Record, ok bool) {
	if !w.parked.some() {
		return records, true
	}
	var parked []*kgo.Record
	for _, r := range records {
		switch {
		case !w.parked.has(r.Key):
			free = append(free, r)
		case size(r) > maxRecord:
			if !w.sendAway(r, errTooLargeToWait) {
				return nil, false
			}
		default:
			parked = append(parked, r)
		}
	}
	if len(parked) == 0 {
		return free, true
	}
	written, ok := w.produce(func() []*kgo.Record { return w.consumer.behind(parked, w.parked.at) })
	if !ok {
		return nil, false
	}
	w.parked.add(written...)
	return free, true
}

// behind returns what is written to a park for records that follow others. They have not
// been tried.
func (c *Consumer) behind(records []*kgo.Record, park partition) []*kgo.Record {
	copies := make([]*kgo.Record, len(records))
	for i, r := range records {
		from := c.originOf(r)
		copies[i] = &kgo.Record{
			Topic: park.topic, Partition: park.number, Key: r.Key, Value: r.Value,
			Headers: append(foreign(r.Headers),
				header(DeadTopic, from.topic), header(DeadPartition, from.partition), header(DeadOffset, from.offset),
				header(DeadTimestamp, from.timestamp), header(DeadGroup, c.group), header(RetryAttempts, "0")),
		}
	}
	return copies
}

// postponed returns a record of a park with the headers of its next attempt, at its own
// place.
func postponed(r, next *kgo.Record) *kgo.Record {
	again := *r
	again.Headers = next.Headers
	return &again
}

// partitioner keeps the partition of the records that are written to a park, and
// chooses that of others by their key.
type partitioner struct {
	kgo.Partitioner // by key

	parks map[string]string
}

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if _, park := p.parks[topic]; park {
		return kgo.ManualPartitioner().ForTopic(topic)
	}
	return p.Partitioner.ForTopic(topic)
}
