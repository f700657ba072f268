package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

const (
	// maxTail bounds the records that a group has not processed.
	maxTail = 200_000
	// tailTimeout bounds the reading of them.
	tailTimeout = time.Minute
)

// ErrBehind is returned if a group has too many records before it.
var ErrBehind = fault.New(fault.Unavailable, "GROUP_BEHIND",
	"the consumer group has more than 200,000 records to read: try again when it has caught up")

// Tail reads the records that a group has not processed yet, without being a member.
type Tail struct {
	config Config
	group  string
	topics []string // with prefix
	log    *slog.Logger
}

// NewTail returns a reader of what a group has not processed of topics, which are named
// without prefix, and of its retry topics.
func NewTail(c Config, group string, topics []string, log *slog.Logger) *Tail {
	t := &Tail{config: c, group: c.Prefix + group, log: log}
	for _, name := range append(slices.Clone(topics), RetryTopics(group, topics)...) {
		t.topics = append(t.topics, c.Topic(name))
	}
	return t
}

// Reach is up to where the topics reach at a moment, and what the group has processed before.
type Reach struct {
	tail *Tail
	from map[partition]int64
	ends map[partition]int64
}

// Reach returns where the topics end now. Everything before the offsets that it notes for
// the group is processed now.
func (t *Tail) Reach(ctx context.Context) (*Reach, error) {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	r := &Reach{tail: t}
	return r, t.with(func(admin *kadm.Client) (err error) {
		if r.from, err = t.processed(ctx, admin); err == nil {
			r.ends, err = t.ends(ctx, admin)
		}
		return err
	})
}

func (t *Tail) with(do func(*kadm.Client) error) error {
	client, err := t.config.connect(t.log)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := do(kadm.NewClient(client)); err != nil {
		return t.config.unreachable(err)
	}
	return nil
}

// processed returns the offset of each partition up to which the group has processed it.
func (t *Tail) processed(ctx context.Context, admin *kadm.Client) (map[partition]int64, error) {
	starts, err := admin.ListStartOffsets(ctx, t.topics...)
	if err != nil {
		return nil, err
	}
	topics, err := admin.ListTopics(ctx, t.topics...)
	if err != nil {
		return nil, err
	}
	committed, err := admin.FetchOffsets(ctx, t.group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // it has never read
		return nil, err
	}
	from := map[partition]int64{}
	for at, start := range offsetsIn(starts) {
		from[at] = start
		done, there := committed.Lookup(at.topic, at.number)
		if there && done.Err == nil && !topicID(topics[at.topic].ID).replaces(readNote(done.Metadata).topic) {
			from[at] = max(start, done.At)
		}
	}
	return from, starts.Error()
}

func (t *Tail) ends(ctx context.Context, admin *kadm.Client) (map[partition]int64, error) {
	ends, err := admin.ListEndOffsets(ctx, t.topics...)
	if err != nil {
		return nil, err
	}
	return offsetsIn(ends), ends.Error()
}

func offsetsIn(l kadm.ListedOffsets) map[partition]int64 {
	all := map[partition]int64{}
	l.Each(func(o kadm.ListedOffset) { all[partition{o.Topic, o.Partition}] = o.Offset })
	return all
}

// Each calls yield with each event that the group may not have processed, and with whether
// it was in Kafka when Reach returned. It reads up to where the topics end now. Records that
// cannot be read are left out. An error of yield ends it.
func (r *Reach) Each(ctx context.Context, yield func(o event.Opened, before bool) error) error {
	ctx, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	var now map[partition]int64
	err := r.tail.with(func(admin *kadm.Client) (err error) {
		now, err = r.tail.ends(ctx, admin)
		return err
	})
	if err != nil {
		return err
	}
	left, total := map[partition]int64{}, int64(0)
	for at, end := range now {
		if n := end - r.from[at]; n > 0 {
			left[at] = end
			total += n
		}
	}
	if total > maxTail {
		return ErrBehind
	}
	return r.read(ctx, left, yield)
}

// read reads partitions up to their ends.
func (r *Reach) read(ctx context.Context, left map[partition]int64, yield func(event.Opened, bool) error) error {
	if len(left) == 0 {
		return nil
	}
	starts := map[string]map[int32]kgo.Offset{}
	for at := range left {
		if starts[at.topic] == nil {
			starts[at.topic] = map[int32]kgo.Offset{}
		}
		starts[at.topic][at.number] = kgo.NewOffset().At(r.from[at])
	}
	client, err := r.tail.config.connect(r.tail.log, kgo.ConsumePartitions(starts), kgo.FetchMaxWait(fetchWait))
	if err != nil {
		return err
	}
	defer client.Close()
	for left = maps.Clone(left); len(left) > 0; {
		fetched := client.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetched.Err()); err != nil {
			return fmt.Errorf("read what the group %s has not processed: %w", r.tail.group, err)
		}
		fetched.EachPartition(func(p kgo.FetchTopicPartition) {
			at := partition{p.Topic, p.Partition}
			for _, rec := range p.Records {
				if end, open := left[at]; open && err == nil {
					err = r.open(at, rec, yield)
					if rec.Offset+1 >= end {
						delete(left, at)
					}
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Reach) open(at partition, rec *kgo.Record, yield func(event.Opened, bool) error) error {
	v, err := r.tail.config.decode(rec)
	if err != nil {
		return nil //nolint:nilerr // it becomes a dead letter
	}
	o := event.Opened{Envelope: v}
	if o.Event, err = v.Open(); err != nil || o.Event == nil {
		return nil //nolint:nilerr // it becomes a dead letter, or is skipped
	}
	return yield(o, rec.Offset < r.ends[at])
}
