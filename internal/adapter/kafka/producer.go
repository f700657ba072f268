package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Reasons why an event was not published, besides the errors of the brokers.
var (
	ErrTooLarge  = fmt.Errorf("%w: it is larger than a record may be", event.ErrUnsendable)
	ErrHeldBack  = errors.New("an earlier event of the same key was not published")
	errCancelled = errors.New("not sent: another event of the topic could not be buffered")
	errNoAnswer  = errors.New("no answer, while other events were answered")
)

const (
	// publishTimeout bounds one Publish. Without AllowIdempotentProduceCancellation
	// a broker that accepts and never answers would hold it far longer.
	publishTimeout = 10 * time.Second
	// patience is how long a publish waits at least for a partition after others have
	// answered.
	patience = 2 * time.Second
	// deliveryTimeout bounds the attempts of the client for a record: longer than the usual
	// election of a leader. Then the caller decides: it passes over the partition.
	deliveryTimeout = 4 * time.Second
	// answerTimeout is how long a broker may wait for the replicas of a partition. It answers a
	// request as a whole: one partition whose replicas are gone holds up all others of it.
	answerTimeout = 2 * time.Second
	// probeRetries bounds the attempts of a probe, and retryPause the pauses in between.
	probeRetries = 4
	retryPause   = 400 * time.Millisecond
	maxBuffered  = 100_000
	maxRecord    = 950_000 // bytes; brokers refuse batches above 1 MiB by default
)

// Producer publishes the events of the outbox: acknowledged by all in-sync
// replicas, and in order for each key.
//
// The order is kept as follows.
//
// (1) What one Publish appends to a partition is a prefix of what it was given
// for that partition, whether acknowledged or not, and so it is for each key.
// Publish buffers all its records before it sends the first, and sends none of a topic if
// one cannot be buffered. For that, the client sends only while it is flushed.
// After a failure the client is replaced, because a record that waits for a retry
// would not wait for the next flush. While it is flushed, the client takes records
// from the front of each partition's buffer: brokers accept the batches of an
// idempotent producer only in sequence, and when one fails, the client fails
// everything buffered behind it.
//
// (2) A caller that after a failure starts again from its oldest event without
// acknowledgement appends an event only when all earlier events of its key are in
// the log: acknowledged before, or appended earlier by the same Publish.
//
// This holds for every sender by itself. Requests that arrive late, or a second
// sender of the same events, can repeat events but cannot put the first
// occurrence of an event before that of an earlier one.
type Producer struct {
	config     Config
	log        *slog.Logger
	patience   kgo.Opt // until when the client tries
	client     atomic.Pointer[kgo.Client]
	publishing chan struct{} // a semaphore of one: held during a Publish
	closed     chan struct{}
}

// NewProducer returns a producer. It connects to a broker at its first Publish.
func NewProducer(c Config, log *slog.Logger) (*Producer, error) {
	return newProducer(c, log, kgo.RecordDeliveryTimeout(deliveryTimeout))
}

// NewProbe returns a producer for a partition that has failed. It tries only a few times,
// and returns the error of the brokers.
func NewProbe(c Config, log *slog.Logger) (*Producer, error) {
	return newProducer(c, log, kgo.RecordRetries(probeRetries))
}

func newProducer(c Config, log *slog.Logger, patience kgo.Opt) (*Producer, error) {
	p := &Producer{config: c, log: log, patience: patience, publishing: make(chan struct{}, 1), closed: make(chan struct{})}
	if err := p.replaceClient(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Producer) replaceClient() error {
	client, err := p.config.connect(p.log, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation(),
		kgo.ManualFlushing(), kgo.MaxBufferedRecords(maxBuffered), kgo.WithHooks(partitionedHook{}),
		kgo.ProduceRequestTimeout(answerTimeout), p.patience, kgo.RetryBackoffFn(pauseBefore))
	if err != nil {
		return err
	}
	if old := p.client.Swap(client); old != nil {
		old.Close()
	}
	return nil
}

// pauseBefore returns how long the client waits before an attempt.
func pauseBefore(attempt int) time.Duration {
	return min(25*time.Millisecond<<min(attempt, 10), retryPause)
}

// Ping returns an error if no broker can be reached.
func (p *Producer) Ping(ctx context.Context) error { return p.config.ping(ctx, p.client.Load()) }

// Close closes the producer; a running Publish fails. It must be called once.
func (p *Producer) Close() {
	close(p.closed)
	p.client.Load().Close()
	p.publishing <- struct{}{} // and never released
	p.client.Load().Close()    // a failed Publish has replaced the client meanwhile
}

// Publish writes the batch and returns one result for each event: nil means that
// Kafka has it. An event that failed may be in the log all the same. The caller
// may forget acknowledged events; it must publish the others again in the same
// order, before any later event of their keys. Partitions that refuse or hang do not take
// the time of others for long: when no answer comes any more, the publish ends.
//
// The error is event.ErrUnsendable if the brokers refuse what the event is: its batch, if
// there were other events of its partition.
func (p *Producer) Publish(ctx context.Context, batch []event.Envelope) []error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	call := newPublishCall(len(batch))
	select {
	case p.publishing <- struct{}{}:
		defer func() { <-p.publishing }()
	case <-p.closed:
		return call.failAll(kgo.ErrClientClosed)
	case <-ctx.Done():
		return call.failAll(fmt.Errorf("wait for another batch to be published: %w", ctx.Err()))
	}
	call.run(ctx, p.config, p.client.Load(), batch)
	if !call.failed.Load() {
		return call.errs
	}
	if err := p.replaceClient(); err != nil {
		return call.failAll(err) // the same settings have worked before: cannot happen
	}
	return call.errs
}
