package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// publishCall is one call of Publish.
type publishCall struct {
	errs    []error
	failed  atomic.Bool // a record failed
	topics  map[string]*topicCall
	buffers sync.WaitGroup // records neither buffered nor failed
	results sync.WaitGroup // records without a result
	sent    chan struct{}  // has a value if a record was acknowledged since it was read
}

// topicCall is the part of a call that is for one topic.
type topicCall struct {
	ctx    context.Context //nolint:containedctx // of the records
	cancel context.CancelCauseFunc
	failed atomic.Bool // a record could not be buffered
}

func newPublishCall(events int) *publishCall {
	return &publishCall{errs: make([]error, events), topics: map[string]*topicCall{}, sent: make(chan struct{}, 1)}
}

// failAll sets err as the result of every event.
func (c *publishCall) failAll(err error) []error {
	for i := range c.errs {
		c.errs[i] = err
	}
	return c.errs
}

// run buffers the batch, then sends it, and returns when every record has a
// result.
func (c *publishCall) run(ctx context.Context, config Config, client *kgo.Client, batch []event.Envelope) {
	c.bufferAll(ctx, config, client, batch)
	defer c.failAfter(nil)
	for _, t := range c.topics {
		if t.failed.Load() {
			t.cancel(errCancelled)
		}
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	// A record that was sent and not answered does not fail when its context ends
	// if the client needs a new producer id at the same time: the client requests
	// one for ever, without a pause (kgo 1.22.2). A closed client fails the record.
	defer context.AfterFunc(ctx, func() { c.failAfter(context.Cause(ctx)); client.Close() })()
	done := make(chan struct{})
	defer close(done)
	go c.watch(config.Clock, done, func() { giveUp(errNoAnswer) })
	// Flush only starts the sending; each record fails with its own context.
	if err := client.Flush(context.WithoutCancel(ctx)); err != nil {
		giveUp(err)
	}
	c.results.Wait()
}

// failAfter ends the contexts of all records.
func (c *publishCall) failAfter(cause error) {
	for _, t := range c.topics {
		t.cancel(cause)
	}
}

// watch calls giveUp when records have been acknowledged, and then none for a while: what is
// left hangs. How long that is depends on how long the answers before have taken. As
// long as there is no answer, the whole of Kafka may be slow, and watch waits.
func (c *publishCall) watch(now clock.Clock, done <-chan struct{}, giveUp func()) {
	began := now()
	var hangs <-chan time.Time
	longest := time.Duration(0)
	for {
		select {
		case <-done:
			return
		case <-hangs:
			giveUp()
			return
		case <-c.sent:
			longest = max(longest, now().Sub(began))
			began, hangs = now(), time.After(max(patience, 3*longest))
		}
	}
}

// bufferAll buffers the records of the batch and returns when each is buffered or
// has failed.
func (c *publishCall) bufferAll(ctx context.Context, config Config, client *kgo.Client, batch []event.Envelope) {
	refused := map[string]bool{}
	for i, v := range batch {
		r := config.encode(v)
		span := config.sending(ctx, r)
		if err := check(r, refused); err != nil {
			c.errs[i] = err
			span.End(err)
			continue
		}
		c.buffer(c.topic(ctx, r.Topic), client, r, i, span)
	}
	c.buffers.Wait() // the client looks up the partitions of a new topic meanwhile
	awaitCallbacks(ctx, client)
}

func (c *publishCall) topic(ctx context.Context, name string) *topicCall {
	if c.topics[name] == nil {
		t := &topicCall{}
		t.ctx, t.cancel = context.WithCancelCause(ctx)
		c.topics[name] = t
	}
	return c.topics[name]
}

// check refuses a record that no broker accepts, and all later records of its
// key: they must not overtake it.
func check(r *kgo.Record, refused map[string]bool) error {
	key := r.Topic + "/" + string(r.Key)
	if refused[key] {
		return ErrHeldBack
	}
	if n := size(r); n > maxRecord {
		refused[key] = true
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	return nil
}

// size returns the bytes of key, value and headers.
func size(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// recordState notes whether a record is buffered.
type recordState struct {
	call     *publishCall
	buffered bool
}

// stateKey is the context key of a record's recordState.
type stateKey struct{}

func (c *publishCall) buffer(t *topicCall, client *kgo.Client, r *kgo.Record, i int, span tracing.Span) {
	state := &recordState{call: c}
	r.Context = context.WithValue(t.ctx, stateKey{}, state)
	c.buffers.Add(1)
	c.results.Add(1)
	client.Produce(t.ctx, r, func(_ *kgo.Record, err error) {
		defer c.results.Done()
		span.End(err)
		if err == nil {
			c.acknowledged()
		} else {
			c.errs[i] = publishError(t.ctx, err)
			c.failed.Store(true)
			t.failed.Store(true)
		}
		state.setBuffered()
	})
}

func (c *publishCall) acknowledged() {
	select {
	case c.sent <- struct{}{}:
	default:
	}
}

// publishError is the error of an event that was not acknowledged.
func publishError(ctx context.Context, err error) error {
	for _, refusal := range unsendable() {
		if errors.Is(err, refusal) {
			return fmt.Errorf("publish: %w: %w", event.ErrUnsendable, err)
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("publish: %w (%w)", err, cause)
	}
	return fmt.Errorf("publish: %w", err)
}

// unsendable are the errors of the brokers about what a record or a batch is. Others are
// about the partition, the topic, the cluster or the client, or, as INVALID_TIMESTAMP and
// CORRUPT_MESSAGE, about the way in which it was sent.
func unsendable() []error {
	return []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord}
}

// setBuffered notes, once, that the record is buffered or has failed. The client
// calls the hook first and then the callback, so the calls do not race.
func (s *recordState) setBuffered() {
	if !s.buffered {
		s.buffered = true
		s.call.buffers.Done()
	}
}

// partitionedHook is called when the client has chosen a record's partition: the
// record is buffered.
type partitionedHook struct{}

// OnProduceRecordPartitioned implements kgo.HookProduceRecordPartitioned.
func (partitionedHook) OnProduceRecordPartitioned(r *kgo.Record, _ int32) {
	if state, ok := r.Context.Value(stateKey{}).(*recordState); ok {
		state.setBuffered()
	}
}

// awaitCallbacks returns when the callbacks of all records that failed so far have
// been called: the client calls them in order, and a record without a topic fails
// at once.
func awaitCallbacks(ctx context.Context, client *kgo.Client) {
	called := make(chan struct{})
	client.Produce(ctx, &kgo.Record{}, func(*kgo.Record, error) { close(called) })
	<-called
}
