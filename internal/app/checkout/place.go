package checkout

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Request is a basket that a user wants to buy.
type Request struct {
	UserID   id.ID
	Lines    []order.Want
	CouponID *id.ID               // a coupon that the user owns, or the coupon it was issued from; nil: none
	Points   *money.Won           // to pay by points; nil: everything, or nothing where a card pays
	Card     *payment.CardDetails // pays the rest; nil: no card
}

// Place sells a basket: it takes stock, points and coupon, all of it or nothing. The
// order is paid then, or waits for its card to be charged, which happens in the
// background. It ends in product.ErrNotFound, product.ErrInsufficientStock,
// point.ErrInsufficient, order.ErrFunds, a fault of coupons, fault.ErrValidation,
// ErrNoCards, or the error of a Charger without a slot.
//
// A request that the guard answers from an earlier one takes no slot.
func (s *Service) Place(ctx context.Context, r Request, guard store.Guard) (order.Order, error) {
	if r.Card != nil && s.charger == nil {
		return order.Order{}, ErrNoCards
	}
	basket, err := order.NewBasket(r.Lines)
	if err != nil {
		return order.Order{}, err
	}
	slot := cardSlot{charger: s.charger, card: r.Card}
	defer slot.releaseAfterPanic()
	placed, err := s.place(ctx, r, basket, guard, &slot)
	slot.finish(ctx, placed, err)
	if err != nil {
		return order.Order{}, err
	}
	return placed, nil
}

// place runs the transaction of Place. On an error it returns the order of the last
// attempt, which may be committed.
func (s *Service) place(ctx context.Context, r Request, basket order.Basket, guard store.Guard, slot *cardSlot) (placed order.Order, err error) {
	err = s.db.Update(ctx, func(tx store.Tx) error {
		placed = order.Order{} // an attempt that was rolled back has placed nothing
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		if err := slot.reserve(); err != nil {
			return err
		}
		sale := sale{ids: s.ids, policy: s.policy, tx: tx, request: r, basket: basket, at: s.now()}
		if placed, err = sale.sell(ctx); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, placed)
	})
	return placed, err
}
