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
	viewsLinger   = 50 * time.Millisecond // nobody waits for a view: fewer, larger batches cost Kafka less
	viewsGrace    = 3 * time.Second       // for those still buffered when the program stops
)

// Views publishes product views straight from a bounded buffer, without the
// outbox: they are many, and the loss of a few does no harm.
type Views struct {
	config Config
	client *kgo.Client
	ids    id.Source
	log    *slog.Logger
	open   context.Context // of every view; it ends what is buffered when the program does
	end    context.CancelFunc

	sent, failed, dropped prometheus.Counter
	lost                  atomic.Int64
}

// NewViews returns a publisher of views. Run must run, or nothing is closed.
func NewViews(c Config, ids id.Source, log *slog.Logger) (*Views, error) {
	client, err := c.open(log, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation(),
		kgo.MaxBufferedRecords(viewsBuffered), kgo.UnknownTopicRetries(-1), // at the first start they come with the topics
		kgo.ProducerLinger(viewsLinger))
	if err != nil {
		return nil, err
	}
	views := counter(c.Metrics, "views_total", "Product views by what became of them: sent, failed or dropped.", "outcome")
	open, end := context.WithCancel(context.Background())
	return &Views{
		config: c, client: client, ids: ids, log: log, open: open, end: end,
		sent:    views.WithLabelValues("sent"),
		failed:  views.WithLabelValues("failed"),
		dropped: views.WithLabelValues("dropped"),
	}, nil
}

// Viewed notes that a user, nil for a visitor, looked at a product. It never
// waits: when the buffer is full, the view is dropped and counted.
func (v *Views) Viewed(productID int64, user *id.ID) { v.ViewedAt(v.config.Clock(), productID, user) }

// ViewedAt is Viewed for a view that happened at another time than now.
func (v *Views) ViewedAt(at time.Time, productID int64, user *id.ID) {
	sealed, err := event.Wrap(v.ids(), at, "", event.NewProductViewed(productID, user))
	if err != nil {
		v.failed.Inc() // plain data: cannot happen
		v.lost.Add(1)
		return
	}
	v.client.TryProduce(v.open, v.config.encode(sealed), v.count)
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

// Lost returns how many views were dropped or failed so far; all of them, once
// Run has returned.
func (v *Views) Lost() int64 { return v.lost.Load() }

// Run waits for ctx to end, gives what is buffered some time to be sent, and
// closes. Views that come later fail.
func (v *Views) Run(ctx context.Context) error {
	<-ctx.Done()
	defer v.client.Close()
	ctx = context.WithoutCancel(ctx)
	grace, cancel := context.WithTimeout(ctx, viewsGrace)
	defer cancel()
	if err := v.client.Flush(grace); err == nil {
		v.end()
		return nil
	}
	v.log.Warn("views were lost at shutdown", "views", v.client.BufferedProduceRecords())
	v.end()
	v.client.Close()                            // or a view that was sent once, and not heard of, holds the client for ever: see decision 13
	if err := v.client.Flush(ctx); err != nil { // until each of them is counted
		return fmt.Errorf("views: %w", err)
	}
	return nil
}
