package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/store"
)

// worker replays the invoices of its customers one after another.
type worker struct {
	replay *Replay

	orders map[string]placedOrder // by number of the invoice
	credit map[string]money.Won   // points that the replay has charged and not yet spent, by customer
}

// placedOrder is an order that this replay has placed.
type placedOrder struct {
	id   id.ID
	cost money.Won
}

const (
	// callTimeout bounds one call; the delay between two calls grows from minRetryDelay to maxRetryDelay.
	callTimeout   = 30 * time.Second
	minRetryDelay = 20 * time.Millisecond
	maxRetryDelay = time.Second
)

// noAnswer is the code of an error that did not come from the shop.
const noAnswer = "NO_ANSWER"

// errStopped is returned for an invoice that is not finished because ctx ended.
var errStopped = errors.New("stopped")

// work replays the invoices and calls progress for each that is done.
func (w worker) work(ctx context.Context, invoices <-chan Invoice, progress func(int)) error {
	for i := range invoices {
		if ctx.Err() != nil || !w.replay.scheduler.wait(ctx, i) {
			continue // drain the channel
		}
		switch err := w.invoice(ctx, i); {
		case err == nil:
			w.replay.counters.invoiceDone(i)
			w.replay.scheduler.invoiceDone(i)
			progress(1)
		case !errors.Is(err, errStopped):
			return fmt.Errorf("invoice %s: %w", i.Number, err)
		}
	}
	return nil
}

// invoice places the order of an invoice, or cancels it.
func (w worker) invoice(ctx context.Context, i Invoice) error {
	if i.Cancels != "" {
		return w.cancel(ctx, i)
	}
	return w.purchase(ctx, i)
}

// do performs one action of an invoice and retries it while the shop is unavailable. It reports
// whether the shop accepted the action; an error ends the replay. When ctx ends, a call in flight
// is completed, but not retried.
func (w worker) do(ctx context.Context, a Action, call func(context.Context) (repeated bool, err error)) (accepted bool, err error) {
	r := w.replay
	delays := backoff.New(minRetryDelay, maxRetryDelay, r.config.Random)
	for since := r.config.Clock(); ; {
		repeated, err := callShop(ctx, call)
		switch {
		case err == nil:
			r.counters.sent(a, repeated)
			return true, nil
		case !retryable(err), a == View: // a view has no idempotency key: a retry might count it twice
			r.counters.refused(a, code(err))
			return false, nil
		case r.config.Clock().Sub(since) > r.options.RetryTimeout:
			return false, fmt.Errorf("%w: %s: %w", ErrNoAnswer, a, err)
		}
		r.log.Debug("the shop is unavailable; retrying", "step", string(a), "error", err)
		r.counters.retried()
		if !backoff.Wait(ctx, delays.Next()) {
			return false, errStopped
		}
	}
}

func callShop(ctx context.Context, call func(context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return call(ctx)
}

// retryable reports whether a later call may succeed.
func retryable(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Internal || kind == fault.Unavailable || errors.Is(err, store.ErrKeyInUse)
}

func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return noAnswer
}
