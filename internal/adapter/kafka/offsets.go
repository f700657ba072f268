package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

const commitTimeout = 5 * time.Second

// offsets collects the processed offset of each partition and commits it. A
// commit starts as soon as the last one is answered and holds everything marked
// meanwhile, so no worker waits for a commit.
type offsets struct {
	client  *kgo.Client
	backoff *backoff.Backoff
	outage  *outage.Log
	ready   wakeup.Signal // there may be something to commit

	committing chan struct{} // holds a token during a commit: an older commit must not arrive after a newer one
	mu         sync.Mutex
	next       map[partition]place // marked and not yet committed
	member     string              // the member of the group that has been given the partitions
}

// errOtherMember ends a commit before it is sent. A process that was frozen joins the group again as
// another member. Until the group has said which partitions it has now, what it has marked may belong to
// somebody who has read on meanwhile, and whose offset would go back.
var errOtherMember = errors.New("this process is another member of the group now, and may not have the partitions any more")

func newOffsets(client *kgo.Client, log *slog.Logger, c Config) *offsets {
	return &offsets{
		client: client, backoff: backoff.New(retryFirst, retryLimit, c.Random), outage: outage.New(log, "commit offsets"),
		ready: wakeup.New(), committing: make(chan struct{}, 1), next: map[partition]place{},
	}
}

// mark marks a partition of a topic as processed up to and including r.
func (o *offsets) mark(at partition, topic topicID, r *kgo.Record) {
	o.put(at, place{kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}, topic, r.Timestamp})
}

func (o *offsets) put(at partition, next place) {
	o.mu.Lock()
	o.next[at] = next
	o.mu.Unlock()
	o.ready.Notify()
}

// settle notes that the group has given the member its partitions: what is marked of them may be committed.
func (o *offsets) settle(member string) {
	o.mu.Lock()
	o.member = member
	o.mu.Unlock()
	o.ready.Notify()
}

// check returns errOtherMember for a request of a member that has not been given its partitions yet.
func (o *offsets) check(r *kmsg.OffsetCommitRequest) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.MemberID != o.member {
		return errOtherMember
	}
	return nil
}

// forget drops the marks of partitions that this member no longer owns.
func (o *offsets) forget(all []partition) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, at := range all {
		delete(o.next, at)
	}
}

// commitUntil commits marks as they come until ctx ends, and then the rest.
func (o *offsets) commitUntil(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			if err := o.commit(context.WithoutCancel(ctx)); err != nil {
				o.outage.Failed(err)
			}
			return
		case <-o.ready:
		}
		err := o.commit(ctx)
		if errors.Is(err, errOtherMember) {
			continue // settle says when
		}
		if err != nil && ctx.Err() == nil {
			o.outage.Failed(err)
			backoff.Wait(ctx, o.backoff.Next())
			o.ready.Notify()
			continue
		}
		o.outage.Recovered()
		o.backoff.Reset()
	}
}

// commit commits everything that is marked.
func (o *offsets) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	select {
	case o.committing <- struct{}{}:
		defer func() { <-o.committing }()
	case <-ctx.Done():
		return fmt.Errorf("wait for another commit of offsets: %w", ctx.Err())
	}
	marked := o.marked()
	if len(marked) == 0 {
		return nil
	}
	var failed error
	prepare := func(r *kmsg.OffsetCommitRequest) error {
		addNotes(r, marked)
		return o.check(r)
	}
	o.client.CommitOffsetsSync(kgo.PreCommitFnContext(ctx, prepare), byTopic(marked), func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, r *kmsg.OffsetCommitResponse, err error) {
		failed = commitError(r, err)
	})
	if failed == nil {
		o.remove(marked)
	}
	return failed
}

func (o *offsets) marked() map[partition]place {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.next)
}

// remove drops the marks that were committed and have not moved since.
func (o *offsets) remove(committed map[partition]place) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for at, done := range committed {
		if o.next[at].EpochOffset == done.EpochOffset && o.next[at].topic == done.topic {
			delete(o.next, at)
		}
	}
}

func byTopic(marked map[partition]place) map[string]map[int32]kgo.EpochOffset {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for at, next := range marked {
		if offsets[at.topic] == nil {
			offsets[at.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[at.topic][at.number] = next.EpochOffset
	}
	return offsets
}

// commitError returns why a commit was not accepted in full.
func commitError(r *kmsg.OffsetCommitResponse, err error) error {
	if err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	for _, topic := range r.Topics {
		for _, p := range topic.Partitions {
			if refused := kerr.ErrorForCode(p.ErrorCode); refused != nil {
				err = errors.Join(err, fmt.Errorf("commit offset of %s/%d: %w", topic.Topic, p.Partition, refused))
			}
		}
	}
	return err
}
