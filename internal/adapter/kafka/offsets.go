package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// offsets keeps how far each partition was dealt with, and commits it. Commits
// are made as fast as the brokers answer, each with all that was marked
// meanwhile, so that no worker waits for one.
type offsets struct {
	client  *kgo.Client
	pause   *backoff.Backoff
	trouble *outage.Log
	bell    wakeup.Signal

	turn chan struct{} // holds a token while one commits: an older commit must not arrive later
	mu   sync.Mutex
	next map[place]kgo.EpochOffset // not yet committed
}

func newOffsets(client *kgo.Client, log *slog.Logger, c Config) *offsets {
	return &offsets{
		client: client, pause: backoff.New(retryFirst, retryLimit, c.Random),
		trouble: outage.New(log, "commit offsets"),
		bell:    wakeup.New(), turn: make(chan struct{}, 1), next: map[place]kgo.EpochOffset{},
	}
}

// mark notes that a partition was dealt with up to and including r.
func (o *offsets) mark(at place, r *kgo.Record) {
	o.mu.Lock()
	o.next[at] = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
	o.mu.Unlock()
	o.bell.Notify()
}

// forget drops what was marked of partitions that are no longer ours.
func (o *offsets) forget(all []place) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, at := range all {
		delete(o.next, at)
	}
}

// commitAsTheyCome commits what is marked until ctx ends, and then the rest.
func (o *offsets) commitAsTheyCome(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			if err := o.commit(context.WithoutCancel(ctx)); err != nil {
				o.trouble.Failed(err)
			}
			return
		case <-o.bell:
		}
		if err := o.commit(ctx); err != nil && ctx.Err() == nil {
			o.trouble.Failed(err)
			backoff.Wait(ctx, o.pause.Next())
			o.bell.Notify()
			continue
		}
		o.trouble.Recovered()
		o.pause.Reset()
	}
}

// commit commits all that was marked.
func (o *offsets) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return fmt.Errorf("another commit of offsets is under way: %w", ctx.Err())
	}
	marked := o.marked()
	if len(marked) == 0 {
		return nil
	}
	request := map[string]map[int32]kgo.EpochOffset{}
	for at, offset := range marked {
		if request[at.topic] == nil {
			request[at.topic] = map[int32]kgo.EpochOffset{}
		}
		request[at.topic][at.partition] = offset
	}
	var failed error
	o.client.CommitOffsetsSync(ctx, request, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
		failed = refusal(answer, err)
	})
	if failed == nil {
		o.settle(marked)
	}
	return failed
}

func (o *offsets) marked() map[place]kgo.EpochOffset {
	o.mu.Lock()
	defer o.mu.Unlock()
	marked := make(map[place]kgo.EpochOffset, len(o.next))
	for at, offset := range o.next {
		marked[at] = offset
	}
	return marked
}

// settle drops what was committed and not marked anew since.
func (o *offsets) settle(committed map[place]kgo.EpochOffset) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for at, offset := range committed {
		if o.next[at] == offset {
			delete(o.next, at)
		}
	}
}

// refusal is why a commit was not accepted in full.
func refusal(answer *kmsg.OffsetCommitResponse, err error) error {
	if err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			if refused := kerr.ErrorForCode(p.ErrorCode); refused != nil {
				err = errors.Join(err, fmt.Errorf("commit offset of %s/%d: %w", topic.Topic, p.Partition, refused))
			}
		}
	}
	return err
}
