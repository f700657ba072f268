// Package replay replays the invoices of a real shop: its customers charge points, place and
// cancel orders, and view and like products. Each customer's actions happen in order; different
// customers act concurrently.
//
// Every request that moves money or stock has an idempotency key that is derived from the invoice
// number. A replay can therefore be stopped or killed at any time and started again: finished
// requests return their first response, without delay, and count as repeated. Views have no key;
// they are sent after an order that was not repeated.
package replay

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
)

// Invoice is a purchase, or the cancellation of an earlier one.
type Invoice struct {
	Number   string
	Customer string // loginId
	At       time.Time
	Items    []Item // each product once
	Cancels  string // number of the purchase that this invoice cancels; empty for a purchase
}

// Item is a product and the quantity that was bought.
type Item struct {
	SKU      string
	Quantity int64
}

// Product is the shop's id and price of a SKU.
type Product struct {
	ID    int64
	Price money.Won
}

// Visit is a customer at the time of an invoice.
type Visit struct {
	Customer string
	At       time.Time
}

// Placed is the result of placing an order.
type Placed struct {
	ID       id.ID
	Repeated bool // it was placed before, with the same key
}

// Shop is the shop under load. A fault of kind Internal or Unavailable and any other error is
// retried; all other faults are final.
type Shop interface {
	Charge(ctx context.Context, v Visit, key string, amount money.Won) (repeated bool, err error)
	Place(ctx context.Context, v Visit, key string, wants []order.Want) (Placed, error)
	Cancel(ctx context.Context, v Visit, key string, orderID id.ID) (repeated bool, err error)
	View(ctx context.Context, v Visit, productID int64) error
	Like(ctx context.Context, v Visit, productID int64) error
}

// Options control the speed and the load of a replay.
type Options struct {
	// Speed is the number of invoice seconds per second; 0 is as fast as possible.
	Speed         float64
	Concurrency   int     // number of workers
	ViewsPerOrder float64 // on average
	LikesPerOrder float64
	Seed          uint64        // of the choice of views and likes
	RetryTimeout  time.Duration // how long an action is retried while the shop is unavailable
}

// Config holds the dependencies of a replay.
type Config struct {
	Shop     Shop
	Ranking  Ranking
	Products map[string]Product // by SKU
	Clock    clock.Clock        // measures how long things take
	Random   backoff.Random
}

// ErrNoAnswer is returned when the shop was unavailable for longer than Options.RetryTimeout.
var ErrNoAnswer = errors.New("the shop does not answer; start the replay again later to continue")

// Replay is one run over a list of invoices.
type Replay struct {
	config     Config
	options    Options
	engagement engagement
	delayMeter *delayMeter
	scheduler  *scheduler
	counters   *counters
	log        *slog.Logger
}

// New returns a replay.
func New(c Config, o Options, log *slog.Logger) *Replay {
	return &Replay{
		config: c, options: o, engagement: newEngagement(c.Products, o), log: log,
		delayMeter: newDelayMeter(c.Ranking, c.Clock), counters: newCounters(),
	}
}

// queueLength is the number of invoices that can wait for a worker.
const queueLength = 64

// Run replays the invoices, which are sorted by time, and calls progress for each that is done.
// When ctx ends, invoices in progress are finished and the rest is left for the next run. The
// report is valid even if there is an error.
func (r *Replay) Run(ctx context.Context, invoices []Invoice, progress func(n int)) (Report, error) {
	began := r.config.Clock()
	r.scheduler = newScheduler(r.options.Speed, r.config.Clock, invoices)
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	queues := make([]chan Invoice, max(1, r.options.Concurrency))
	var workers sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan Invoice, queueLength)
		w := worker{replay: r, orders: map[string]placedOrder{}, credit: map[string]money.Won{}}
		workers.Go(func() {
			if err := w.work(ctx, queues[i], progress); err != nil {
				fail(err)
			}
		})
	}
	r.dispatch(ctx, invoices, queues)
	workers.Wait()
	report := r.counters.summary(len(invoices), r.config.Clock().Sub(began), r.delayMeter.delay())
	if err := context.Cause(ctx); errors.Is(err, ErrNoAnswer) {
		return report, err
	}
	return report, nil
}

// dispatch sends each invoice to the worker of its customer.
func (r *Replay) dispatch(ctx context.Context, invoices []Invoice, queues []chan Invoice) {
	for i := range invoices {
		select {
		case queues[workerOf(invoices[i].Customer, len(queues))] <- invoices[i]:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	for _, q := range queues {
		close(q)
	}
}

// workerOf returns the same worker for all invoices of a customer, which keeps them in order.
func workerOf(customer string, workers int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(customer))        // a hash never fails
	return int(h.Sum32() % uint32(workers)) //nolint:gosec // both are small
}
