package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Why an event was not published, apart from what the brokers say.
var (
	ErrTooLarge  = errors.New("the event is larger than a record may be")
	ErrHeldBack  = errors.New("an earlier event of the same key was not published")
	errCancelled = errors.New("not sent: another event of the batch could not be buffered")
)

const (
	// publishTimeout bounds one Publish. Without AllowIdempotentProduceCancellation
	// a broker that accepts and never answers would hold it far longer.
	publishTimeout = 10 * time.Second
	maxBuffered    = 100_000
	maxRecord      = 950_000 // bytes; brokers refuse batches above 1 MiB by default
)

// Producer publishes what was promised: acknowledged by all in-sync replicas,
// and for each key in order.
//
// The order rests on this. (1) A Publish has all its records buffered before
// the first of them is sent, and sends none if one could not be buffered. For
// that, the client sends only while it is flushed, and is replaced after a
// failure: one that waits to try again would not wait for the next flush. From
// then on the client takes from the front of each partition's buffer: brokers
// accept an idempotent producer's batches in sequence only, and when one fails,
// the client fails everything buffered behind it. So what a Publish adds to a
// partition, acknowledged or not, is a prefix of what it was given, and so it
// is for each key. (2) A caller that after a failure starts again from the
// oldest event not acknowledged therefore appends an event only when all that
// precede it under its key are in the log: acknowledged before, or appended
// earlier in this very pass. That holds for every sender by itself, so requests
// that arrive late, or a second sender with the same events, can repeat events
// but not put a first occurrence before an earlier one's.
type Producer struct {
	config Config
	log    *slog.Logger
	client atomic.Pointer[kgo.Client]
	turn   chan struct{} // whoever holds its one place may publish
	closed chan struct{}
}

// NewProducer returns a producer. It speaks to no broker yet.
func NewProducer(c Config, log *slog.Logger) (*Producer, error) {
	p := &Producer{config: c, log: log, turn: make(chan struct{}, 1), closed: make(chan struct{})}
	if err := p.connect(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Producer) connect() error {
	client, err := p.config.open(p.log, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation(),
		kgo.ManualFlushing(), kgo.MaxBufferedRecords(maxBuffered), kgo.WithHooks(buffered{}))
	if err != nil {
		return err
	}
	if old := p.client.Swap(client); old != nil {
		old.Close()
	}
	return nil
}

// Ping says whether a broker can be reached.
func (p *Producer) Ping(ctx context.Context) error { return p.config.ping(ctx, p.client.Load()) }

// Close ends the producer; what is being published fails. It is called once.
func (p *Producer) Close() {
	close(p.closed)
	p.client.Load().Close()
	p.turn <- struct{}{} // and is not given back
	p.client.Load().Close()
}

// Publish writes the batch and answers with one result for each event: nil
// means that Kafka has it. An event that failed may be there all the same.
// Those acknowledged may be forgotten by the caller; the others must be
// published again in the same order, before any later event of their keys.
func (p *Producer) Publish(ctx context.Context, batch []event.Envelope) []error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	pass := &pass{errs: make([]error, len(batch))}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-p.closed:
		return pass.refuse(kgo.ErrClientClosed)
	case <-ctx.Done():
		return pass.refuse(fmt.Errorf("another batch is being published: %w", ctx.Err()))
	}
	pass.run(ctx, p.config, p.client.Load(), batch)
	if !pass.failed.Load() {
		return pass.errs
	}
	if err := p.connect(); err != nil {
		return pass.refuse(err) // the same settings did before: it cannot be
	}
	return pass.errs
}

// pass is one Publish under way.
type pass struct {
	errs   []error
	failed atomic.Bool    // a record failed
	ready  sync.WaitGroup // records neither buffered nor failed
	ended  sync.WaitGroup // records whose outcome is not known
}

func (s *pass) refuse(err error) []error {
	for i := range s.errs {
		s.errs[i] = err
	}
	return s.errs
}

func (s *pass) run(ctx context.Context, c Config, client *kgo.Client, batch []event.Envelope) {
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	held := map[string]bool{}
	for i, v := range batch {
		r := c.encode(v)
		if err := fits(r, held); err != nil {
			s.errs[i] = err
			continue
		}
		s.buffer(ctx, client, r, i)
	}
	s.ready.Wait() // a topic heard of for the first time is looked up meanwhile
	fence(ctx, client)
	if s.failed.Load() {
		cancel(errCancelled)
	}
	// A record that was sent once, and not heard of, does not end with its context
	// when the client needs a new producer id at the same time: it asks for one in
	// vain for ever, without a pause (kgo 1.22.2). Closed, the client lets go.
	defer context.AfterFunc(outer, client.Close)()
	// Flush only drives the buffer; each record ends with its own context.
	if err := client.Flush(context.WithoutCancel(ctx)); err != nil {
		cancel(err)
	}
	s.ended.Wait()
}

// fits refuses what no broker would take, and what must not overtake it.
func fits(r *kgo.Record, held map[string]bool) error {
	place := r.Topic + "/" + string(r.Key)
	if held[place] {
		return ErrHeldBack
	}
	if n := size(r); n > maxRecord {
		held[place] = true
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	return nil
}

func size(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// slot is a record's place in its pass.
type slot struct {
	pass     *pass
	buffered bool
}

type slotKey struct{}

func (s *pass) buffer(ctx context.Context, client *kgo.Client, r *kgo.Record, i int) {
	mine := &slot{pass: s}
	r.Context = context.WithValue(ctx, slotKey{}, mine)
	s.ready.Add(1)
	s.ended.Add(1)
	client.Produce(ctx, r, func(_ *kgo.Record, err error) {
		defer s.ended.Done()
		if err != nil {
			s.errs[i] = fmt.Errorf("publish: %w", err)
			s.failed.Store(true)
		}
		mine.arrive()
	})
}

// arrive notes, once, that the record is buffered or has failed. The client
// calls first the hook and then the promise, so nothing races here.
func (m *slot) arrive() {
	if !m.buffered {
		m.buffered = true
		m.pass.ready.Done()
	}
}

// buffered is told by the client when a record has found its partition.
type buffered struct{}

// OnProduceRecordPartitioned implements kgo.HookProduceRecordPartitioned.
func (buffered) OnProduceRecordPartitioned(r *kgo.Record, _ int32) {
	if mine, ok := r.Context.Value(slotKey{}).(*slot); ok {
		mine.arrive()
	}
}

// fence returns when all promises broken so far were told: the client tells
// them in order, and a record without a topic is broken at once.
func fence(ctx context.Context, client *kgo.Client) {
	told := make(chan struct{})
	client.Produce(ctx, &kgo.Record{}, func(*kgo.Record, error) { close(told) })
	<-told
}
