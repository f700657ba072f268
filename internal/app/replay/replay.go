// Package replay lives through the invoices of a shop once more: the customers
// of that time charge points, buy, look, like and call orders off, each in
// their own order and many at once.
//
// Whatever moves money or stock has a key that comes from the invoice's number.
// So a replay may be stopped or killed at any moment and be started again: what
// was done is answered as it was then, as fast as it goes, and counted as repeated.
// Views have no key; they come after the order, and only after one that was not a
// repetition.
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

// Invoice is a purchase of that time, or the end of one.
type Invoice struct {
	Number   string
	Customer string // loginId
	At       time.Time
	Items    []Item // each product once
	Cancels  string // number of the purchase that it calls off; empty: it is a purchase
}

// Item is how much was bought of a product.
type Item struct {
	SKU      string
	Quantity int64
}

// Product is what the shop knows a SKU as, and sells it for.
type Product struct {
	ID    int64
	Price money.Won
}

// Visit is a customer in the shop, at a time of the invoices.
type Visit struct {
	Customer string
	At       time.Time
}

// Placed is what became of an order.
type Placed struct {
	ID       id.ID
	Repeated bool // it was placed before, under the same key
}

// Shop is where the customers go. Faults that are neither Internal nor
// Unavailable are the shop's refusals; all else is tried again.
type Shop interface {
	Charge(ctx context.Context, v Visit, key string, amount money.Won) (repeated bool, err error)
	Place(ctx context.Context, v Visit, key string, wants []order.Want) (Placed, error)
	Cancel(ctx context.Context, v Visit, key string, orderID id.ID) (repeated bool, err error)
	View(ctx context.Context, v Visit, productID int64) error
	Like(ctx context.Context, v Visit, productID int64) error
}

// Options are how to replay.
type Options struct {
	// Speed is how many seconds of the invoices pass in one; 0: as fast as it goes.
	Speed         float64
	Concurrency   int     // how many customers at once
	ViewsPerOrder float64 // on average
	LikesPerOrder float64
	Seed          uint64        // of what they look at and like
	Patience      time.Duration // how long a shop that is away is waited for
}

// Config are what a replay is made of.
type Config struct {
	Shop     Shop
	Ranking  Ranking
	Products map[string]Product // by SKU
	Clock    clock.Clock        // tells how long things take
	Random   backoff.Random
}

// ErrNoAnswer is raised when the shop was away for longer than the patience.
var ErrNoAnswer = errors.New("the shop does not answer; start again later to go on")

// Replay replays invoices, once.
type Replay struct {
	Config
	options Options
	taste   taste
	sampler *sampler
	pacer   *pacer
	ledger  *ledger
	log     *slog.Logger
}

// New returns a replay.
func New(p Config, o Options, log *slog.Logger) *Replay {
	return &Replay{
		Config: p, options: o, taste: newTaste(p.Products, o), log: log,
		sampler: newSampler(p.Ranking, p.Clock), ledger: newLedger(),
	}
}

// ahead is how many invoices may wait for a customer who is busy.
const ahead = 64

// Run sends the invoices, which are in order of time, and tells progress of
// each that is done. When ctx ends, what was begun is finished and the rest
// left for another time. The report is good even beside an error.
func (r *Replay) Run(ctx context.Context, invoices []Invoice, progress func(n int)) (Report, error) {
	began := r.Clock()
	r.pacer = newPacer(r.options.Speed, r.Clock, invoices)
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	lanes := make([]chan Invoice, max(1, r.options.Concurrency))
	var working sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan Invoice, ahead)
		l := lane{Replay: r, orders: map[string]bought{}, credit: map[string]money.Won{}}
		working.Go(func() {
			if err := l.work(ctx, lanes[i], progress); err != nil {
				fail(err)
			}
		})
	}
	r.hand(ctx, invoices, lanes)
	working.Wait()
	report := r.ledger.report(len(invoices), r.Clock().Sub(began), r.sampler.delay())
	if err := context.Cause(ctx); errors.Is(err, ErrNoAnswer) {
		return report, err
	}
	return report, nil
}

// hand gives each invoice to the lane of its customer.
func (r *Replay) hand(ctx context.Context, invoices []Invoice, lanes []chan Invoice) {
	for i := range invoices {
		select {
		case lanes[laneOf(invoices[i].Customer, len(lanes))] <- invoices[i]:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	for _, l := range lanes {
		close(l)
	}
}

// laneOf keeps a customer in one lane, so that what they do stays in order.
func laneOf(customer string, lanes int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(customer))      // a hash never fails
	return int(h.Sum32() % uint32(lanes)) //nolint:gosec // both are small
}
