package checkout

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// MaxReason is how long the reason of a cancellation may be, in characters.
const MaxReason = 200

// Cancel cancels a user's order and gives back, once, what it took. Another user's
// order is order.ErrNotFound, a dead one order.ErrTransition. If a card paid, or may
// still be charged, its refund is decided in the same transaction and made soon.
func (s *Service) Cancel(ctx context.Context, user, orderID id.ID, reason string, guard store.Guard) (o order.Order, err error) {
	var c fault.Check
	reason = cardno.Mask(c.Text("/reason", text.Prose(reason, 0, MaxReason))) // it is stored and published
	if err := c.Err(); err != nil {
		return o, err
	}
	return s.cancelFor(ctx, canceller{user: user, reason: reason}, orderID, guard)
}

// canceller is who cancels an order: its user, or an operator.
type canceller struct {
	user     id.ID
	operator string // the name; empty if the user cancels
	reason   string
}

func (s *Service) cancelFor(ctx context.Context, by canceller, orderID id.ID, guard store.Guard) (o order.Order, err error) {
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		if o, err = s.cancel(ctx, tx, by, orderID); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, o)
	})
	if err == nil && o.Payment != nil {
		s.payments.ExpediteRefunds(ctx, *o.Payment)
	}
	return o, err
}

func (s *Service) cancel(ctx context.Context, tx store.Tx, by canceller, orderID id.ID) (o order.Order, err error) {
	if o, err = tx.Orders.Lock(ctx, orderID); err != nil {
		return o, err
	}
	at := s.now() // after the lock: the step before may have been written while this one waited
	if by.operator == "" && o.UserID != by.user {
		return order.Order{}, order.ErrNotFound
	}
	if o, err = o.Cancel(by.reason, at); err != nil {
		return o, err
	}
	if o.Payment != nil && s.payments == nil {
		return o, ErrNoCards
	}
	if err := s.compensator.Compensate(ctx, tx, o, at); err != nil || o.Payment == nil {
		return o, err
	}
	p, err := s.payments.CancelPayment(ctx, tx, by.noted(o, at), at)
	return o.WithPayment(p), err
}
