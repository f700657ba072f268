package rankings

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrBusy is the error of a ranking that cannot be shown at present: it is computed, or
// others are, and no earlier result is left.
var ErrBusy = fault.New(fault.Unavailable, "RANKING_BUSY", "this ranking has to be computed first; try again later")

const (
	// patience is how long a computation waits for its turn, and a caller for a result.
	patience = 2 * time.Second
	// loadTime bounds a computation. It may be longer than callers wait: the next ones
	// find its result.
	loadTime = 20 * time.Second
	// part is the part of the time in which anything is computed: a quarter.
	part = 4
	// slack is for how long more may be spent: what is small is computed at once.
	slack = time.Second
	// maxQueued bounds the computations that wait for their turn.
	maxQueued = 16
	// MaxWaiting bounds the callers that wait for a result.
	MaxWaiting = 16
)

// budget bounds what all computed rankings cost together, whatever is asked: one
// computation at a time, with one connection, and a part of the time.
type budget struct {
	now     clock.Clock
	turn    chan time.Time // while nothing is computed: when what was spent is paid off
	queue   chan struct{}  // the computations that wait
	waiting chan struct{}  // the callers that wait
}

func newBudget(now clock.Clock) *budget {
	b := &budget{
		now: now, turn: make(chan time.Time, 1), queue: make(chan struct{}, maxQueued), waiting: make(chan struct{}, MaxWaiting),
	}
	b.turn <- time.Time{}
	return b
}

// spend computes something, or returns ErrBusy. What is not urgent is computed only if it
// is its turn at once. Without a budget, everything is computed at once.
func (b *budget) spend(ctx context.Context, urgent bool, compute func(context.Context)) error {
	if b == nil {
		compute(ctx)
		return nil
	}
	paid, err := b.enter(ctx, urgent)
	if err != nil {
		return err
	}
	began := b.now()
	defer func() {
		if paid.Before(began) {
			paid = began
		}
		b.turn <- paid.Add(part * b.now().Sub(began))
	}()
	compute(ctx)
	return nil
}

// enter takes the turn.
func (b *budget) enter(ctx context.Context, urgent bool) (paid time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !urgent {
		cancel()
	}
	if paid, err = b.take(ctx); err != nil {
		return paid, err
	}
	wait := paid.Add(-slack).Sub(b.now())
	if wait > patience || wait > 0 && !backoff.Wait(ctx, wait) {
		b.turn <- paid
		return paid, ErrBusy.After(wait)
	}
	return paid, nil
}

// take takes the turn at once, or waits for it in the queue.
func (b *budget) take(ctx context.Context) (paid time.Time, err error) {
	select {
	case paid = <-b.turn:
		return paid, nil
	default:
	}
	select {
	case b.queue <- struct{}{}:
		defer func() { <-b.queue }()
	default:
		return paid, ErrBusy
	}
	select {
	case paid = <-b.turn:
		return paid, nil
	case <-ctx.Done():
		return paid, ErrBusy
	}
}

// await waits for a signal of a computation, until it is late.
func (b *budget) await(ctx context.Context, done, late <-chan struct{}) error {
	if b != nil {
		select {
		case b.waiting <- struct{}{}:
			defer func() { <-b.waiting }()
		default:
			return ErrBusy
		}
	}
	select {
	case <-done:
		return nil
	case <-late:
		select {
		case <-done:
			return nil
		default:
			return ErrBusy
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}
