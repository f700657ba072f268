package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

const (
	viewsBuffered = 10_000
	viewsLinger   = 50 * time.Millisecond // no request waits for a view: fewer, larger batches cost Kafka less
	viewsGrace    = 3 * time.Second       // to send the buffered views when the program stops
)

// Views publishes product views from a bounded buffer, without the outbox: there
// are many views, and losing a few does no harm.
type Views struct {
	config Config
	client *kgo.Client
	ids    id.Source
	log    *slog.Logger
	ctx    context.Context //nolint:containedctx // of every record: its end fails the buffered views
	cancel context.CancelFunc

	sent, failed, dropped prometheus.Counter
	lost                  atomic.Int64
}

// NewViews returns a publisher of views. Run closes it, so the caller must call
// Run.
func NewViews(c Config, ids id.Source, log *slog.Logger) (*Views, error) {
	views := counter("views_total", "Product views by outcome: sent, failed or dropped.", "outcome")
	if err := register(c.Metrics, views); err != nil {
		return nil, err
	}
	client, err := c.connect(log, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation(),
		kgo.MaxBufferedRecords(viewsBuffered), kgo.UnknownTopicRetries(-1), // at the first start the topics are created meanwhile
		kgo.ProducerLinger(viewsLinger))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Views{
		config: c, client: client, ids: ids, log: log, ctx: ctx, cancel: cancel,
		sent:    views.WithLabelValues("sent"),
		failed:  views.WithLabelValues("failed"),
		dropped: views.WithLabelValues("dropped"),
	}, nil
}

// Viewed publishes that a user, nil for a visitor, viewed a product now. It never
// blocks: if the buffer is full, the view is dropped and counted.
func (v *Views) Viewed(productID int64, user *id.ID) { v.ViewedAt(v.config.Clock(), productID, user) }

// ViewedAt is Viewed for a view at another time than now.
func (v *Views) ViewedAt(at time.Time, productID int64, user *id.ID) {
	envelope, err := event.Wrap(v.ids(), at, "", event.NewProductViewed(productID, user))
	if err != nil {
		v.count(nil, err) // plain data: cannot happen
		return
	}
	v.client.TryProduce(v.ctx, v.config.encode(envelope), v.count)
}

func (v *Views) count(_ *kgo.Record, err error) {
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

// Run waits for ctx to end, sends the buffered views within viewsGrace and closes
// the client. Views that come later fail.
func (v *Views) Run(ctx context.Context) error {
	<-ctx.Done()
	defer v.client.Close()
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
