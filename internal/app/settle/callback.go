package settle

import (
	"context"
	"errors"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Faults of callbacks. None of them has changed anything.
var (
	ErrUnknownOrder  = fault.New(fault.NotFound, "CALLBACK_UNKNOWN_ORDER", "no payment of such an order")
	ErrUnknownCharge = fault.New(fault.NotFound, "CALLBACK_UNKNOWN_TRANSACTION", "the gateway has no such transaction for the order")
	ErrWrongAmount   = fault.New(fault.Conflict, "CALLBACK_WRONG_AMOUNT", "the order's payment is of another amount")
)

// Heard is what a callback led to.
type Heard uint8

// What a callback may lead to.
const (
	News  Heard = iota // it ended the payment
	Early              // the gateway, when asked, has not decided yet
	Old                // the payment had ended before
)

// Callback takes a callback for what it is, a hint: what it says of the outcome
// is not believed, the gateway is asked. Who and how much must agree with what
// we know. Only when it returns no error was the callback dealt with.
func (d *Service) Callback(ctx context.Context, t pgwire.Transaction) (Heard, error) {
	before, err := d.named(ctx, t)
	if err != nil {
		return 0, err
	}
	after, err := d.SettleNow(ctx, before.OrderID)
	if err != nil {
		return 0, err
	}
	known, err := d.knows(ctx, before.OrderID, t.TransactionKey)
	switch {
	case err != nil:
		return 0, err
	case !known:
		return 0, ErrUnknownCharge
	case before.Status != payment.Pending:
		return Old, nil
	case after.Status == payment.Pending:
		return Early, nil
	default:
		return News, nil
	}
}

// named returns the payment that a callback is about.
func (d *Service) named(ctx context.Context, t pgwire.Transaction) (p payment.Payment, err error) {
	orderID, err := id.Parse(t.OrderID)
	if err != nil {
		return p, ErrUnknownOrder
	}
	p, err = d.find(ctx, orderID)
	switch {
	case errors.Is(err, payment.ErrNotFound) || err == nil && p.OrderID != orderID:
		return p, ErrUnknownOrder
	case err == nil && t.Amount != int64(p.Amount):
		return p, ErrWrongAmount
	default:
		return p, err
	}
}

func (d *Service) knows(ctx context.Context, orderID id.ID, key string) (known bool, err error) {
	err = d.DB.View(ctx, func(tx store.Tx) error {
		charges, err := tx.Charges.Of(ctx, orderID)
		known = slices.ContainsFunc(charges, func(c payment.Charge) bool { return c.Key == key })
		return err
	})
	return known, err
}
