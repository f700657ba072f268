// Package checkout places, reads and cancels orders.
//
// Every transaction that locks rows locks them in one order: the order, the wallet,
// the coupon, the stocks by product id. So no two transactions can wait for each
// other. Stocks come last, and after all reads: a product that sells fast is what the
// transactions wait for, and each waits as long as those before it hold the lock.
//
// A card order needs a Charger. Place and Cancel do everything that a card order
// needs, so that a caller (HTTP, a console, a replay) only translates its request.
package checkout

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// list names the cursors of a user's orders.
const cursorName = "orders"

// Service places and cancels orders.
type Service struct {
	db          store.DB
	ids         id.Source
	now         clock.Clock
	policy      payment.Policy
	compensator Compensator
	charger     Charger         // nil: cards are refused
	payments    PaymentCanceler // nil: orders with a card payment cannot be cancelled
	queue       *queue          // of orders that are to be placed
}

// Option adds a part to a Service.
type Option func(*Service)

// WithCharger has the Service take cards.
func WithCharger(c Charger) Option { return func(s *Service) { s.charger = c } }

// WithPayments has the Service cancel orders with a card payment.
func WithPayments(p PaymentCanceler) Option { return func(s *Service) { s.payments = p } }

// New returns a Service. The policy schedules the card payments of its orders.
func New(db store.DB, ids id.Source, now clock.Clock, policy payment.Policy, options ...Option) *Service {
	s := &Service{db: db, ids: ids, now: now, policy: policy, compensator: NewCompensator(ids)}
	s.queue = newQueue(s.placeGroup, s.answer)
	for _, add := range options {
		add(s)
	}
	return s
}

// Get returns a user's order. Another user's order is order.ErrNotFound.
func (s *Service) Get(ctx context.Context, user, orderID id.ID) (o order.Order, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		o, err = tx.Orders.Get(ctx, orderID)
		return err
	})
	if err == nil && o.UserID != user {
		return order.Order{}, order.ErrNotFound
	}
	return o, err
}

// List returns a page of a user's orders, newest first.
func (s *Service) List(ctx context.Context, user id.ID, size int, cursor string) (page.Page[order.Order], error) {
	before, _, err := page.Decode[id.ID](cursorName, cursor)
	if err != nil {
		return page.Page[order.Order]{}, err
	}
	var found []order.Order
	var more bool
	err = s.db.View(ctx, func(tx store.Tx) error {
		found, more, err = tx.Orders.Of(ctx, user, before, size)
		return err
	})
	return page.With(found, more, cursorName, func(o order.Order) id.ID { return o.ID }), err
}
