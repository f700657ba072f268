package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Gateway knows what cards were charged.
type Gateway interface {
	// Find returns every charge of an order; none is no error.
	Find(ctx context.Context, user, orderID string) ([]pgwire.Transaction, error)
}

// Bounds of asking the gateway.
const (
	atOnce = 8   // orders that it is asked about at the same time
	pages  = 256 // payments that are read at once
)

// ErrUnheard is why the books could not be compared with the gateway's.
var ErrUnheard = errors.New("verify: the gateway does not answer")

// AtGateway compares the books with the gateway's list of charges, for every order
// with a card payment: what it has charged and not given back is what we kept,
// to the won; and no charge is open that nobody waits for any more. What differs
// because it is under way is looked at again for up to patience. It calls
// progress with the number of payments that were compared, and ends in ErrUnheard
// where the gateway could not be asked about some of them to the end, or about
// any of many.
func (a *Auditor) AtGateway(ctx context.Context, g Gateway, patience time.Duration, progress func(compared int64)) (Result, error) {
	r := Result{
		Truth: 5, Check: "gateway", Compares: "won of an order's charges that the gateway keeps = won that we kept; none is open once its payment has ended",
		Differences: []store.Difference{},
	}
	c := &comparing{db: a.db, gateway: g}
	open, err := c.first(ctx, func(n int) { r.Compared += int64(n); progress(r.Compared) })
	if err != nil {
		return r, err
	}
	if open, err = c.again(ctx, open, patience); err != nil {
		return r, err
	}
	for _, o := range open {
		if o.unheard != nil {
			return r, o.silence()
		}
		for _, d := range o.differences {
			r.note(d)
		}
	}
	return r, nil
}

// comparing is a comparison that is under way.
type comparing struct {
	db      store.DB
	gateway Gateway
}

// compared is what came of comparing one payment.
type compared struct {
	payment     payment.Payment
	differences []store.Difference
	unheard     error // why the gateway could not be asked
}

func (c compared) silence() error {
	return fmt.Errorf("%w, about order %s and perhaps others: %w", ErrUnheard, c.payment.OrderID, c.unheard)
}

func (c compared) settled() bool { return c.unheard == nil && len(c.differences) == 0 }

// first compares every payment, and returns those that are not settled.
func (c *comparing) first(ctx context.Context, progress func(n int)) (open []compared, err error) {
	for before := (id.ID{}); ; {
		var page []payment.Payment
		err := c.db.View(ctx, func(tx store.Tx) (err error) {
			page, err = tx.Payments.Find(ctx, payment.Filter{}, before, pages)
			return err
		})
		if err != nil || len(page) == 0 {
			return open, err
		}
		ids := make([]id.ID, len(page))
		for i, p := range page {
			ids[i] = p.ID
		}
		found, err := c.all(ctx, ids)
		if err != nil {
			return open, err
		}
		if silent(found) == len(page) {
			return open, found[0].silence() // and it would be of all the others
		}
		open = append(open, found...)
		progress(len(page))
		before = page[len(page)-1].ID
	}
}

func silent(all []compared) (n int) {
	for _, c := range all {
		if c.unheard != nil {
			n++
		}
	}
	return n
}

// again compares those payments again that were not settled, until they all are
// or patience has run out.
func (c *comparing) again(ctx context.Context, open []compared, patience time.Duration) ([]compared, error) {
	waits, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pauses := backoff.New(pause, 10*pause, nil)
	for len(open) > 0 && backoff.Wait(waits, pauses.Next()) {
		ids := make([]id.ID, len(open))
		for i, o := range open {
			ids[i] = o.payment.ID
		}
		var err error
		if open, err = c.all(ctx, ids); err != nil {
			return nil, err
		}
	}
	return open, ctx.Err()
}

// all compares payments, some at a time, and returns those that are not settled,
// in the order of their orders.
func (c *comparing) all(ctx context.Context, payments []id.ID) (open []compared, err error) {
	var (
		group sync.WaitGroup
		lock  sync.Mutex
	)
	turns := make(chan struct{}, atOnce)
	for _, pid := range payments {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			found, failed := c.one(ctx, pid)
			lock.Lock()
			defer lock.Unlock()
			if err == nil {
				err = failed
			}
			if failed == nil && !found.settled() {
				open = append(open, found)
			}
		})
	}
	group.Wait()
	slices.SortFunc(open, func(a, b compared) int {
		return cmp.Compare(a.payment.OrderID.String(), b.payment.OrderID.String())
	})
	return open, err
}

// one compares one payment. The books are read first, and no transaction is open
// while the gateway is asked.
func (c *comparing) one(ctx context.Context, pid id.ID) (found compared, err error) {
	var ours []payment.Charge
	err = c.db.Snapshot(ctx, func(tx store.Tx) error {
		if found.payment, err = tx.Payments.Of(ctx, pid); err != nil {
			return err
		}
		ours, err = tx.Charges.Of(ctx, found.payment.OrderID)
		return err
	})
	if err != nil {
		return found, err
	}
	theirs, unheard := c.gateway.Find(ctx, found.payment.UserID.String(), found.payment.OrderID.String())
	if unheard != nil {
		found.unheard = unheard
		return found, ctx.Err()
	}
	found.differences = against(found.payment, ours, theirs)
	if len(found.differences) > 0 {
		err = c.name(ctx, &found)
	}
	return found, err
}

// name says of which order the differences are.
func (c *comparing) name(ctx context.Context, found *compared) error {
	return c.db.View(ctx, func(tx store.Tx) error {
		o, err := tx.Orders.Get(ctx, found.payment.OrderID)
		for i := range found.differences {
			found.differences[i].Subject = fmt.Sprintf("order %s, %s", o.ID, o.Status())
		}
		return err
	})
}

// against compares what we hold of the charges of an order with what the gateway
// does.
func against(p payment.Payment, ours []payment.Charge, theirs []pgwire.Transaction) (found []store.Difference) {
	want, what := kept(ours), "won that the gateway keeps"
	odd := unknown(ours, theirs)
	if odd {
		what += ", which does not know of a charge that we keep"
	}
	var got, open int64
	for _, t := range theirs {
		switch t.Status {
		case pgwire.Success:
			if !elsewhere(ours, t.TransactionKey) {
				got += t.Amount
			}
		case pgwire.Pending:
			open++
		case pgwire.Failed, pgwire.Cancelled:
		}
	}
	switch {
	case want != got:
		found = append(found, store.Difference{What: what, Want: want, Got: got})
	case odd: // as much, but by another charge: an operator may have mistaken one for the other
		found = append(found, store.Difference{What: "charges that we keep and the gateway does not know of", Want: 0, Got: 1})
	}
	if open > 0 && p.Status != payment.Pending {
		found = append(found, store.Difference{What: "charges open that nobody waits for", Want: 0, Got: open})
	}
	return found
}

// elsewhere reports whether a charge was given back by other means.
func elsewhere(ours []payment.Charge, key string) bool {
	return slices.ContainsFunc(ours, func(c payment.Charge) bool { return c.Key == key && c.RefundedElsewhere() })
}

// kept is how much was charged, and is not to be given back.
func kept(charges []payment.Charge) (won int64) {
	for _, c := range charges {
		if c.Status == pgwire.Success && c.Refund == payment.NoRefund {
			won += int64(c.Amount)
		}
	}
	return won
}

// unknown reports whether we keep a charge that the gateway does not know of: it
// has forgotten it, or an operator has vouched for it.
func unknown(ours []payment.Charge, theirs []pgwire.Transaction) bool {
	return slices.ContainsFunc(ours, func(c payment.Charge) bool {
		return c.Status == pgwire.Success && c.Refund == payment.NoRefund &&
			!slices.ContainsFunc(theirs, func(t pgwire.Transaction) bool { return t.TransactionKey == c.Key })
	})
}
