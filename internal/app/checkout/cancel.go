package checkout

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// MaxReason is how long the reason of a cancel may be, in characters.
const MaxReason = 200

// Cancel calls a user's order off and gives back, once, what it took. Someone
// else's is order.ErrNotFound, a dead one order.ErrTransition. What a card was
// charged is given back by whoever looks after the payment, which is due at once.
func (d *Service) Cancel(ctx context.Context, user, orderID id.ID, reason string, guard store.Guard) (o order.Order, err error) {
	reason = cardno.Mask(strings.TrimSpace(reason)) // it is kept, and told to others
	var c fault.Check
	c.That(utf8.RuneCountInString(reason) <= MaxReason, "/reason", "must be at most %d characters", MaxReason)
	if err := c.Err(); err != nil {
		return o, err
	}
	err = d.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		if o, err = tx.Orders.Lock(ctx, orderID); err != nil {
			return err
		}
		if o.UserID != user {
			return order.ErrNotFound
		}
		if o, err = o.Cancel(reason, d.now()); err != nil {
			return err
		}
		if err := d.Compensate(ctx, tx, o); err != nil {
			return err
		}
		if err := d.callOff(ctx, tx, &o); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, o)
	})
	return o, err
}

// callOff gives up the payment of a cancelled order, if it has one, and has every
// charge given back that took money or may yet.
func (d *Service) callOff(ctx context.Context, tx store.Tx, o *order.Order) error {
	if o.Payment == nil {
		return nil
	}
	p, now := *o.Payment, d.now()
	if p.Status == payment.Pending {
		var err error
		if p, err = p.Cancel("the order was cancelled", now); err != nil {
			return err
		}
		tx.Outbox.Append(p.DeclinedEvent())
	}
	charges, err := tx.Charges.Of(ctx, o.ID)
	if err != nil {
		return err
	}
	p, due := p.WithRefundsDue(payment.Judge(payment.MustRefund, p, charges, false).Refund, now)
	for _, c := range due {
		tx.Charges.Save(c, now)
	}
	if back, c, ok := p.RefundedElsewhere(charges, now); ok {
		p = back
		tx.Charges.Save(c, now)
		tx.Outbox.Append(p.RefundedEvent(c))
	}
	p = p.DueNow(now)
	tx.Payments.Save(p)
	o.Payment = &p
	return nil
}

// Compensate writes the last step of a dead order and undoes what its sale took:
// stock, points and coupon. The order's row is locked and its state has just
// moved, so that nobody else gives it back as well.
func (d *Service) Compensate(ctx context.Context, tx store.Tx, o order.Order) error {
	if err := d.refundPoints(ctx, tx, o); err != nil {
		return err
	}
	if o.Coupon != nil {
		owned, err := tx.Owned.Lock(ctx, o.UserID, o.Coupon.ID)
		if err != nil {
			return err
		}
		tx.Owned.Save(owned.GiveBack())
	}
	if err := d.restock(ctx, tx, o); err != nil {
		return err
	}
	tx.Orders.Save(o)
	tx.Outbox.Append(o.EndEvent())
	return nil
}

func (d *Service) refundPoints(ctx context.Context, tx store.Tx, o order.Order) error {
	if o.Points == 0 {
		return nil
	}
	wallet, err := tx.Points.Lock(ctx, o.UserID)
	if err != nil {
		return err
	}
	if wallet, err = wallet.Receive(o.Points); err != nil {
		return err
	}
	d.move(tx, wallet, point.Refund, o.Points, o)
	return nil
}

func (d *Service) restock(ctx context.Context, tx store.Tx, o order.Order) error {
	ids := make([]int64, len(o.Lines))
	for i, l := range o.Lines {
		ids[i] = l.ProductID
	}
	locked, err := tx.Stocks.Lock(ctx, ids)
	if err != nil {
		return err
	}
	stocks := make(map[int64]product.Stock, len(locked))
	for _, s := range locked {
		stocks[s.ProductID()] = s
	}
	for _, l := range o.Lines {
		s, ok := stocks[l.ProductID]
		if !ok {
			return fmt.Errorf("order %s: product %d has no stock row to give %d back to", o.ID, l.ProductID, l.Quantity)
		}
		s = s.Return(l.Quantity)
		tx.Stocks.Save(s, product.Movement{
			ProductID: l.ProductID, Delta: l.Quantity, Quantity: s.Quantity(),
			Reason: product.Cancelled, Note: note(o), OrderID: &o.ID, At: d.now(),
		})
	}
	return nil
}

// note says how an order ended that was not cancelled by anybody.
func note(o order.Order) string {
	if o.Status() == order.Cancelled {
		return ""
	}
	return string(o.Status())
}
