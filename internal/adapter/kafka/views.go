package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

const (
	viewsBuffered = 10_000
	// No request waits for a view: fewer, larger batches cost this process and Kafka less.
	// Views gather for viewsGather. The client waits for viewsLinger, which is long enough
	// to take them all.
	viewsGather = 45 * time.Millisecond
	viewsLinger = 5 * time.Millisecond
	viewsGrace  = 3 * time.Second // to send the buffered views when the program stops
)

// Views publishes product views from a bounded buffer, without the outbox: there
// are many views, and losing a few does no harm. Those who see a product only put it into
// the buffer. One goroutine makes the events.
type Views struct {
	clock   clock.Clock
	client  *kgo.Client
	log     *slog.Logger
	ctx     context.Context //nolint:containedctx // of every record: its end fails the buffered views
	cancel  context.CancelFunc
	records *viewRecords

	sent, failed, dropped prometheus.Counter
	lost                  atomic.Int64
	buffered              atomic.Int64 // here and in the client

	gathered wakeup.Signal
	renewed  wakeup.Signal // the topic is another one now
	mu       sync.Mutex
	waiting  []view
	closed   bool
}

// view is that somebody saw a product; the user is zero for a visitor.
type view struct {
	at      time.Time
	product int64
	user    id.ID
}

// NewViews returns a publisher of views. Run closes it, so the caller must call
// Run.
func NewViews(c Config, ids id.Source, log *slog.Logger) (*Views, error) {
	views := counter("views_total", "Product views by outcome: sent, failed or dropped.", "outcome")
	if err := register(c.Metrics, views); err != nil {
		return nil, err
	}
	client, err := c.connect(log, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation(),
		kgo.MaxBufferedRecords(2*viewsBuffered), kgo.UnknownTopicRetries(-1), // our bound is the lower one; at the first start the topics are created meanwhile
		kgo.ProducerLinger(viewsLinger))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Views{
		clock: c.Clock, client: client, log: log, ctx: ctx, cancel: cancel, records: newViewRecords(c, ids), gathered: wakeup.New(), renewed: wakeup.New(),
		sent:    views.WithLabelValues("sent"),
		failed:  views.WithLabelValues("failed"),
		dropped: views.WithLabelValues("dropped"),
	}, nil
}

// Viewed publishes that a user, nil for a visitor, viewed a product now. It never
// blocks: if the buffer is full, the view is dropped and counted.
func (v *Views) Viewed(productID int64, user *id.ID) { v.ViewedAt(v.clock(), productID, user) }

// ViewedAt is Viewed for a view at another time than now.
func (v *Views) ViewedAt(at time.Time, productID int64, user *id.ID) {
	one := view{at: at, product: productID}
	if user != nil {
		one.user = *user
	}
	if v.buffered.Add(1) > viewsBuffered {
		v.count(kgo.ErrMaxBuffered)
		return
	}
	first, open := v.gather(one)
	switch {
	case !open:
		v.count(kgo.ErrClientClosed)
	case first:
		v.gathered.Notify()
	}
}

// gather puts a view into the buffer.
func (v *Views) gather(one view) (first, open bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false, false
	}
	v.waiting = append(v.waiting, one)
	return len(v.waiting) == 1, true
}

// count counts a view that has left the buffer.
func (v *Views) count(err error) {
	v.buffered.Add(-1)
	switch {
	case err == nil:
		v.sent.Inc()
		return
	case errors.Is(err, kgo.ErrMaxBuffered):
		v.dropped.Inc()
	default:
		v.failed.Inc()
	}
	v.lost.Add(1)
}

// Lost returns how many views were dropped or failed so far. The number is final
// once Run has returned.
func (v *Views) Lost() int64 { return v.lost.Load() }

// Run publishes views until ctx ends. Then it sends the buffered ones within viewsGrace and
// closes the client. Views that come later fail.
func (v *Views) Run(ctx context.Context) error {
	defer v.client.Close()
	v.publish(ctx)
	ctx = context.WithoutCancel(ctx)
	grace, cancel := context.WithTimeout(ctx, viewsGrace)
	defer cancel()
	if err := v.client.Flush(grace); err == nil {
		v.cancel()
		return nil
	}
	v.log.Warn("views were lost at shutdown", "views", v.client.BufferedProduceRecords())
	v.cancel()
	v.client.Close()                            // or a record that was sent and not answered blocks the client for ever: see decision 13
	if err := v.client.Flush(ctx); err != nil { // until each of them is counted
		return fmt.Errorf("views: %w", err)
	}
	return nil
}

// publish hands what has gathered to the client, until ctx ends and all of it is handed over.
func (v *Views) publish(ctx context.Context) {
	var spare []view
	for last := false; !last; {
		select {
		case <-ctx.Done():
		case <-v.gathered:
			backoff.Wait(ctx, viewsGather)
		}
		last = ctx.Err() != nil
		v.renew()
		batch := v.take(spare, last)
		v.produce(batch)
		spare = batch[:0]
	}
}

// take returns what has gathered, and lets the next views gather in spare.
func (v *Views) take(spare []view, last bool) []view {
	v.mu.Lock()
	defer v.mu.Unlock()
	batch := v.waiting
	v.waiting, v.closed = spare, last
	return batch
}

// renew makes the client forget the topic if it was deleted and made again: the client
// would send nothing to the new one.
func (v *Views) renew() {
	select {
	case <-v.renewed:
		v.log.Warn("the topic of the views was deleted and made again: sending to the new one", "topic", v.records.topic)
		v.client.PurgeTopicsFromProducing(v.records.topic)
	default:
	}
}

func (v *Views) produce(batch []view) {
	for len(batch) > 0 {
		n := min(len(batch), viewsAtOnce)
		c := v.records.of(batch[:n])
		sent := func(_ *kgo.Record, err error) {
			v.count(err)
			c.answered(err)
			if errors.Is(err, kerr.UnknownTopicID) {
				v.renewed.Notify()
			}
		}
		for i := range c.records {
			v.client.TryProduce(v.ctx, &c.records[i], sent)
		}
		batch = batch[n:]
	}
}
