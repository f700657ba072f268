// Package checkout sells: it turns baskets into orders, and orders back.
//
// Rows are locked in one order by all who lock them: the order, the wallet, the
// coupon, stocks by product id. So no two transactions can wait for each other.
// Stocks come last, and after all reads: of what is sold just now they are what
// everybody waits for, and each waits for as long as those ahead hold them.
package checkout

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/store"
)

// list names the cursors of a user's orders.
const list = "orders"

// Service sells.
type Service struct {
	db     store.DB
	ids    id.Source
	now    clock.Clock
	policy payment.Policy
}

// New returns a desk. The policy says how the payments of its orders are looked
// after.
func New(db store.DB, ids id.Source, now clock.Clock, policy payment.Policy) *Service {
	return &Service{db, ids, now, policy}
}

// Request is a basket that a user wants to buy.
type Request struct {
	UserID   id.ID
	Lines    []order.Want
	CouponID *id.ID        // a coupon that the user owns, or its kind; nil: none
	Points   *money.Won    // what the user means to pay; nil: all, or nothing where a card pays
	Card     *payment.Card // pays the rest; nil: there is none
}

// Place sells a basket: stock, points and coupon are taken, all of it or
// nothing. The order is paid then, or waits for a card to be charged. It ends in
// product.ErrNotFound, product.ErrInsufficientStock, point.ErrInsufficient,
// order.ErrFunds, a fault of coupons or fault.ErrValidation.
func (d *Service) Place(ctx context.Context, r Request, guard store.Guard) (placed order.Order, err error) {
	basket, err := order.NewBasket(r.Lines)
	if err != nil {
		return placed, err
	}
	err = d.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		s := sale{Service: d, tx: tx, request: r, basket: basket, at: d.now()}
		if placed, err = s.sell(ctx); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, placed)
	})
	return placed, err
}

// Get returns a user's order. Someone else's is order.ErrNotFound.
func (d *Service) Get(ctx context.Context, user, orderID id.ID) (o order.Order, err error) {
	err = d.db.View(ctx, func(tx store.Tx) error {
		o, err = tx.Orders.Get(ctx, orderID)
		return err
	})
	if err == nil && o.UserID != user {
		return order.Order{}, order.ErrNotFound
	}
	return o, err
}

// List returns a page of a user's orders, newest first.
func (d *Service) List(ctx context.Context, user id.ID, size int, cursor string) (page.Page[order.Order], error) {
	before, _, err := page.Decode[id.ID](list, cursor)
	if err != nil {
		return page.Page[order.Order]{}, err
	}
	var found []order.Order
	err = d.db.View(ctx, func(tx store.Tx) error {
		found, err = tx.Orders.Of(ctx, user, before, size+1)
		return err
	})
	return page.Of(found, size, list, func(o order.Order) id.ID { return o.ID }), err
}

// move writes a wallet and why it changed. A change of nothing is no entry.
func (d *Service) move(tx store.Tx, w point.Wallet, why point.Type, amount money.Won, o order.Order) {
	if amount == 0 {
		return
	}
	tx.Points.Save(w, point.Entry{
		ID: d.ids(), UserID: w.UserID(), Type: why, Amount: amount, Balance: w.Balance(), OrderID: &o.ID, At: d.now(),
	})
}
