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

// strangersPerSecond bounds how often the gateway is asked about news of a payment that has
// ended: a transaction that the shop does not know, or that is said to be cancelled. Anybody can invent one where callbacks
// are not signed. A real one is rare; it is reported again, or found by the recovery.
const strangersPerSecond = 1

// Callback handles a callback of the gateway. The callback is a hint: its order and
// amount must agree with the payment, and the gateway is asked for the outcome. The
// callback is processed only if the error is nil.
//
// A callback about a payment that has ended is answered from the books: a replay costs
// the gateway nothing.
func (s *Service) Callback(ctx context.Context, b payment.Callback) (CallbackResult, error) {
	before, err := s.paymentOf(ctx, b)
	if err != nil {
		return 0, err
	}
	if before.Status != payment.Pending {
		if answered, err := s.fromBooks(ctx, before.OrderID, b); answered || err != nil {
			return CallbackRepeated, err
		}
	}
	after, err := s.SettleNow(ctx, before.OrderID)
	if err == nil {
		_, err = s.charge(ctx, before.OrderID, b.Key)
	}
	switch {
	case err != nil:
		return 0, err
	case before.Status != payment.Pending:
		return CallbackRepeated, nil
	case after.Status == payment.Pending:
		return CallbackEarly, nil
	default:
		return CallbackSettled, nil
	}
}

// fromBooks answers a callback about a payment that has ended. answered is false if the
// gateway has to be asked.
func (s *Service) fromBooks(ctx context.Context, orderID id.ID, b payment.Callback) (answered bool, err error) {
	c, err := s.charge(ctx, orderID, b.Key)
	isNews := errors.Is(err, ErrUnknownCharge) || err == nil && b.Cancelled && c.Status == payment.ChargeSucceeded && c.Refund == payment.NoRefund
	if isNews && s.strangers.AllowN(s.clock(), 1) {
		return false, nil
	}
	return c.Status != payment.ChargePending, err
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

// charge returns what the books say of a charge, or ErrUnknownCharge.
func (s *Service) charge(ctx context.Context, orderID id.ID, key string) (c payment.Charge, err error) {
	var charges []payment.Charge
	err = s.db.View(ctx, func(tx store.Tx) error {
		charges, err = tx.Charges.Of(ctx, orderID)
		return err
	})
	if err != nil {
		return c, err
	}
	i := slices.IndexFunc(charges, func(c payment.Charge) bool { return c.Key == key })
	if i < 0 {
		return c, ErrUnknownCharge
	}
	return charges[i], nil
}
