package kafka

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// publishCall is one call of Publish.
type publishCall struct {
	errs    []error
	failed  atomic.Bool    // a record failed
	buffers sync.WaitGroup // records neither buffered nor failed
	results sync.WaitGroup // records without a result
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
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.bufferAll(ctx, config, client, batch)
	if c.failed.Load() {
		cancel(errCancelled)
	}
	// A record that was sent and not answered does not fail when its context ends
	// if the client needs a new producer id at the same time: the client requests
	// one for ever, without a pause (kgo 1.22.2). A closed client fails the record.
	defer context.AfterFunc(outer, client.Close)()
	// Flush only starts the sending; each record fails with its own context.
	if err := client.Flush(context.WithoutCancel(ctx)); err != nil {
		cancel(err)
	}
	c.results.Wait()
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
		c.buffer(ctx, client, r, i, span)
	}
	c.buffers.Wait() // the client looks up the partitions of a new topic meanwhile
	awaitCallbacks(ctx, client)
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

func (c *publishCall) buffer(ctx context.Context, client *kgo.Client, r *kgo.Record, i int, span tracing.Span) {
	state := &recordState{call: c}
	r.Context = context.WithValue(ctx, stateKey{}, state)
	c.buffers.Add(1)
	c.results.Add(1)
	client.Produce(ctx, r, func(_ *kgo.Record, err error) {
		defer c.results.Done()
		span.End(err)
		if err != nil {
			c.errs[i] = fmt.Errorf("publish: %w", err)
			c.failed.Store(true)
		}
		state.setBuffered()
	})
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
