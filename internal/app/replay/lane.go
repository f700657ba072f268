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

// lane serves its customers one after another.
type lane struct {
	*Replay

	orders map[string]bought    // by number of the invoice
	credit map[string]money.Won // what the replay has charged and not spent, by customer
}

// bought is an order that was placed.
type bought struct {
	id   id.ID
	cost money.Won
}

const (
	// attemptLimit bounds one try, retryFirst and retryLimit the waits between tries.
	attemptLimit = 30 * time.Second
	retryFirst   = 20 * time.Millisecond
	retryLimit   = time.Second
)

// noAnswer is the code of what came to nothing on the way.
const noAnswer = "NO_ANSWER"

// errStopped is why an invoice was left half done: the replay has to stop.
var errStopped = errors.New("stopped")

func (l lane) work(ctx context.Context, invoices <-chan Invoice, progress func(int)) error {
	for i := range invoices {
		if ctx.Err() != nil || !l.pacer.wait(ctx, i) {
			continue // the channel must be emptied
		}
		var err error
		if i.Cancels == "" {
			err = l.purchase(ctx, i)
		} else {
			err = l.cancel(ctx, i)
		}
		switch {
		case err == nil:
			l.ledger.done(i)
			l.pacer.done(i)
			progress(1)
		case !errors.Is(err, errStopped):
			return fmt.Errorf("invoice %s: %w", i.Number, err)
		}
	}
	return nil
}

// act does one step of an invoice, and does it again while the shop is away.
// It reports whether the shop has agreed; an error ends the replay. What was
// begun is not cut off when ctx ends, but it is not tried again either.
func (l lane) act(ctx context.Context, what Step, do func(context.Context) (repeated bool, err error)) (agreed bool, err error) {
	waits := backoff.New(retryFirst, retryLimit, l.Random)
	for since := l.Clock(); ; {
		repeated, err := attempt(ctx, do)
		switch {
		case err == nil:
			l.ledger.sent(what, repeated)
			return true, nil
		case !passing(err), what == View: // a view has no key: once more might be one too many
			l.ledger.refused(what, code(err))
			return false, nil
		case l.Clock().Sub(since) > l.options.Patience:
			return false, fmt.Errorf("%w: %s: %w", ErrNoAnswer, what, err)
		}
		l.log.Debug("trying again", "step", string(what), "error", err)
		l.ledger.again()
		if !backoff.Wait(ctx, waits.Next()) {
			return false, errStopped
		}
	}
}

func attempt(ctx context.Context, do func(context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptLimit)
	defer cancel()
	return do(ctx)
}

// passing reports whether the same again may go well later.
func passing(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Internal || kind == fault.Unavailable || errors.Is(err, store.ErrKeyInUse)
}

func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return noAnswer
}
