package settle

import (
	"context"
	"errors"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Faults of callbacks. They change nothing.
var (
	ErrUnknownOrder  = fault.New(fault.NotFound, "CALLBACK_UNKNOWN_ORDER", "there is no card payment of this order")
	ErrUnknownCharge = fault.New(fault.NotFound, "CALLBACK_UNKNOWN_TRANSACTION", "the gateway has no such transaction for the order")
	ErrWrongAmount   = fault.New(fault.Conflict, "CALLBACK_WRONG_AMOUNT", "the order's payment has another amount")
)

// CallbackResult is what a callback led to.
type CallbackResult uint8

// The results of a callback.
const (
	CallbackSettled  CallbackResult = iota // it ended the payment
	CallbackEarly                          // the gateway, when asked, had no outcome yet
	CallbackRepeated                       // the payment had ended before
)

// Callback handles a callback of the gateway. The callback is a hint: its order and
// amount must agree with the payment, and the gateway is asked for the outcome. The
// callback is processed only if the error is nil.
func (s *Service) Callback(ctx context.Context, b payment.Callback) (CallbackResult, error) {
	before, err := s.paymentOf(ctx, b)
	if err != nil {
		return 0, err
	}
	after, err := s.SettleNow(ctx, before.OrderID)
	if err != nil {
		return 0, err
	}
	known, err := s.knows(ctx, before.OrderID, b.Key)
	switch {
	case err != nil:
		return 0, err
	case !known:
		return 0, ErrUnknownCharge
	case before.Status != payment.Pending:
		return CallbackRepeated, nil
	case after.Status == payment.Pending:
		return CallbackEarly, nil
	default:
		return CallbackSettled, nil
	}
}

// paymentOf returns the payment that a callback is about.
func (s *Service) paymentOf(ctx context.Context, b payment.Callback) (p payment.Payment, err error) {
	orderID, err := id.Parse(b.OrderID)
	if err != nil {
		return p, ErrUnknownOrder
	}
	p, err = s.find(ctx, orderID)
	switch {
	case errors.Is(err, payment.ErrNotFound) || err == nil && p.OrderID != orderID:
		return p, ErrUnknownOrder
	case err == nil && b.Amount != p.Amount:
		return p, ErrWrongAmount
	default:
		return p, err
	}
}

func (s *Service) knows(ctx context.Context, orderID id.ID, key string) (known bool, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		charges, err := tx.Charges.Of(ctx, orderID)
		known = slices.ContainsFunc(charges, func(c payment.Charge) bool { return c.Key == key })
		return err
	})
	return known, err
}
