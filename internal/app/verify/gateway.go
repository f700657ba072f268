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
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Gateway lists charges.
type Gateway interface {
	// Find returns every charge of an order. None is not an error.
	Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error)
}

// Limits of the comparison.
const (
	concurrency = 8   // orders that the gateway is asked about at once
	pageSize    = 256 // payments that are read at once
)

// ErrGatewayUnavailable is the error of a comparison for which the gateway did not answer.
var ErrGatewayUnavailable = errors.New("verify: the gateway does not answer")

// AtGateway compares the charges of the shop with those of the gateway, for every
// order with a card payment: the gateway and the shop must have kept the same sum, to
// the won, and no charge may be pending once its payment has ended. Payments that
// differ because they are in progress are compared again until wait has passed.
// AtGateway calls progress with the number of payments compared. It ends in ErrGatewayUnavailable
// if the gateway did not answer about some payments until the end, or about any
// payment of a page.
func (a *Auditor) AtGateway(ctx context.Context, g Gateway, wait time.Duration, progress func(compared int64)) (Result, error) {
	r := Result{
		Truth: 5, Check: "gateway", Compares: "won of an order's charges that the gateway keeps = won that the shop keeps; no charge is pending once its payment has ended",
		Differences: []store.Difference{},
	}
	c := &comparison{db: a.db, gateway: g}
	open, err := c.first(ctx, func(n int) { r.Compared += int64(n); progress(r.Compared) })
	if err != nil {
		return r, err
	}
	if open, err = c.again(ctx, open, wait); err != nil {
		return r, err
	}
	for _, o := range open {
		if o.unavailable != nil {
			return r, o.gatewayError()
		}
		for _, d := range o.differences {
			r.note(d)
		}
	}
	return r, nil
}

// comparison compares payments with the gateway.
type comparison struct {
	db      store.DB
	gateway Gateway
}

// compared is the result for one payment.
type compared struct {
	payment     payment.Payment
	differences []store.Difference
	unavailable error // the gateway did not answer
}

func (c compared) gatewayError() error {
	return fmt.Errorf("%w, about order %s and perhaps others: %w", ErrGatewayUnavailable, c.payment.OrderID, c.unavailable)
}

func (c compared) equal() bool { return c.unavailable == nil && len(c.differences) == 0 }

// first compares every payment, and returns those that are not equal.
func (c *comparison) first(ctx context.Context, progress func(n int)) (open []compared, err error) {
	for before := (id.ID{}); ; {
		var page []payment.Payment
		err := c.db.View(ctx, func(tx store.Tx) (err error) {
			page, err = tx.Payments.Find(ctx, payment.Filter{}, before, pageSize)
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
		if unavailable(found) == len(page) {
			return open, found[0].gatewayError() // and so it would be for the next pages
		}
		open = append(open, found...)
		progress(len(page))
		before = page[len(page)-1].ID
	}
}

func unavailable(all []compared) (n int) {
	for _, c := range all {
		if c.unavailable != nil {
			n++
		}
	}
	return n
}

// again compares payments that were not equal, until all of them are or wait has passed.
func (c *comparison) again(ctx context.Context, open []compared, wait time.Duration) ([]compared, error) {
	waits, cancel := context.WithTimeout(ctx, wait)
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

// all compares payments concurrently, and returns those that are not equal, ordered by
// their orders.
func (c *comparison) all(ctx context.Context, payments []id.ID) (open []compared, err error) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
	)
	turns := make(chan struct{}, concurrency)
	for _, pid := range payments {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			found, failed := c.one(ctx, pid)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				err = failed
			}
			if failed == nil && !found.equal() {
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

// one compares one payment. The shop's charges are read first, and no transaction is
// open while the gateway is asked.
func (c *comparison) one(ctx context.Context, pid id.ID) (found compared, err error) {
	var ours []payment.Charge
	var paid order.Order
	err = c.db.Snapshot(ctx, func(tx store.Tx) error {
		if found.payment, err = tx.Payments.Of(ctx, pid); err != nil {
			return err
		}
		if ours, err = tx.Charges.Of(ctx, found.payment.OrderID); err != nil || found.payment.Status != payment.Refunded {
			return err
		}
		paid, err = tx.Orders.Get(ctx, found.payment.OrderID)
		return err
	})
	if err != nil {
		return found, err
	}
	theirs, unavailable := c.gateway.Find(ctx, found.payment.UserID, found.payment.OrderID)
	if unavailable != nil {
		found.unavailable = unavailable
		return found, ctx.Err()
	}
	found.differences = differences(found.payment, ours, theirs)
	if paid.Status() == order.Paid {
		found.differences = append(found.differences, store.Difference{What: unended, Want: int64(found.payment.Amount), Got: 0})
	}
	if len(found.differences) > 0 {
		err = c.name(ctx, &found)
	}
	return found, err
}

// name names the order of the differences.
func (c *comparison) name(ctx context.Context, found *compared) error {
	return c.db.View(ctx, func(tx store.Tx) error {
		o, err := tx.Orders.Get(ctx, found.payment.OrderID)
		for i := range found.differences {
			found.differences[i].Subject = fmt.Sprintf("order %s, %s", o.ID, o.Status())
		}
		return err
	})
}

// unended names a paid order whose money the gateway gave back.
const unended = "won that the card pays; the gateway gave them back on its own: end the order with POST /admin/v1/orders/ID/cancel"

// gaveBack names a charge that the shop keeps and the gateway has cancelled.
const gaveBack = "; it cancelled a charge that the shop keeps: commerce payments recheck ID tells the shop"

// differences compares the shop's charges of a payment with the gateway's.
func differences(p payment.Payment, ours, theirs []payment.Charge) (found []store.Difference) {
	want, what := kept(ours), "won that the gateway keeps"
	missing := isMissing(ours, theirs)
	if missing {
		what += ", which does not have a charge that the shop keeps"
	}
	var got, open int64
	for _, t := range theirs {
		switch t.Status {
		case payment.ChargeSucceeded:
			if !refundedElsewhere(ours, t.Key) {
				got += int64(t.Amount)
			}
		case payment.ChargePending:
			open++
		case payment.ChargeFailed, payment.ChargeCancelled:
		}
	}
	if isGivenBack(ours, theirs) {
		what += gaveBack
	}
	switch {
	case want != got:
		found = append(found, store.Difference{What: what, Want: want, Got: got})
	case missing: // the same sum by another charge: an operator may have named the wrong one
		found = append(found, store.Difference{What: "charges that the shop keeps and the gateway does not have", Want: 0, Got: 1})
	}
	if open > 0 && p.Status != payment.Pending {
		found = append(found, store.Difference{What: "charges that are pending although the payment has ended", Want: 0, Got: open})
	}
	return found
}

// refundedElsewhere reports whether a charge was refunded by other means.
func refundedElsewhere(ours []payment.Charge, key string) bool {
	return slices.ContainsFunc(ours, func(c payment.Charge) bool { return c.Key == key && c.IsManuallyRefunded() })
}

// kept returns the sum of the charges that succeeded and have no refund.
func kept(charges []payment.Charge) (won int64) {
	for _, c := range charges {
		if c.Status == payment.ChargeSucceeded && c.Refund == payment.NoRefund {
			won += int64(c.Amount)
		}
	}
	return won
}

// isGivenBack reports whether the gateway has cancelled a charge that the shop keeps.
func isGivenBack(ours, theirs []payment.Charge) bool {
	return slices.ContainsFunc(ours, func(c payment.Charge) bool {
		return c.Status == payment.ChargeSucceeded && c.Refund == payment.NoRefund &&
			slices.ContainsFunc(theirs, func(t payment.Charge) bool { return t.Key == c.Key && t.Status == payment.ChargeCancelled })
	})
}

// isMissing reports whether the gateway does not have a charge that the shop keeps: the
// gateway lost it, or an operator stated it.
func isMissing(ours, theirs []payment.Charge) bool {
	return slices.ContainsFunc(ours, func(c payment.Charge) bool {
		return c.Status == payment.ChargeSucceeded && c.Refund == payment.NoRefund &&
			!slices.ContainsFunc(theirs, func(t payment.Charge) bool { return t.Key == c.Key })
	})
}
