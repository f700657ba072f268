package settle

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// change is one step of a payment: everything about it, under the lock of its order.
type change struct {
	service *Service
	tx      store.Tx
	order   order.Order
	payment payment.Payment
	charges []payment.Charge
	now     time.Time
	hurry   bool // whatever is left to be done is due now
	again   bool // the gateway could not be asked: this was not the last look
	ended   end  // how this step ended the payment, if it did
}

// change runs step on a payment in a transaction of its own.
func (d *Service) change(ctx context.Context, orderID id.ID, step func(*change) error, result *payment.Payment) error {
	var c *change
	err := d.DB.Update(ctx, func(tx store.Tx) (err error) {
		c, err = d.changeIn(ctx, tx, orderID, step)
		return err
	})
	if err != nil {
		return err
	}
	*result = c.payment
	d.count(ctx, c)
	return nil
}

// changeIn runs step on a payment, and then writes the payment with the time of
// the next look at it.
func (d *Service) changeIn(ctx context.Context, tx store.Tx, orderID id.ID, step func(*change) error) (c *change, err error) {
	c = &change{service: d, tx: tx, now: d.Clock()}
	if c.order, err = tx.Orders.Lock(ctx, orderID); err != nil {
		return nil, err
	}
	if c.order.Payment == nil {
		return nil, payment.ErrNotFound
	}
	if c.charges, err = tx.Charges.Of(ctx, orderID); err != nil {
		return nil, err
	}
	c.payment = *c.order.Payment
	if err := step(c); err != nil {
		return nil, err
	}
	due := c.refundDue()
	if c.payment = c.payment.Schedule(d.Policy, due, c.now); c.payment.DueAt == nil && c.again {
		c.payment = c.payment.Schedule(d.Policy, true, c.now)
	}
	if due && c.hurry {
		c.payment = c.payment.DueNow(c.now)
	}
	tx.Payments.Save(c.payment)
	return c, nil
}

// carryOut writes what a verdict says.
func (c *change) carryOut(ctx context.Context, v payment.Verdict) error {
	var err error
	switch v.Outcome {
	case payment.BecomePaid:
		err = c.pay(ctx, v.By)
	case payment.BecomeFailed:
		err = c.fail(ctx, v.By.Key, reason(v.By))
	case payment.BecomeExpired:
		err = c.expire(ctx, fmt.Sprintf("not paid within %s", c.service.Policy.Expiry))
	case payment.Wait:
	}
	if err != nil {
		return err
	}
	c.markRefundsDue(v.Refund)
	return nil
}

func reason(by payment.Charge) string {
	if by.Reason == "" {
		return "the gateway called the charge off"
	}
	return by.Reason
}

// unheard notes why the gateway could not be asked, if it could not: that this
// was not the last look, and, for whoever wonders what a payment waits for, a
// line in its history; one, however often it is tried before something happens.
func (c *change) unheard(ctx context.Context, why error) error {
	if c.again = why != nil; !c.again || !c.waits() {
		return nil
	}
	history, err := c.tx.Payments.History(ctx, c.payment.ID)
	if err == nil && (len(history) == 0 || history[len(history)-1].Action != payment.GatewayUnavailable) {
		c.payment = c.payment.Record(c.now, payment.GatewayUnavailable, why.Error(), "")
	}
	return err
}

// waits reports whether something is still to be done for the payment.
func (c *change) waits() bool { return c.payment.Status == payment.Pending || c.refundDue() }

func (c *change) refundDue() bool {
	return slices.ContainsFunc(c.charges, func(c payment.Charge) bool { return c.Refund == payment.Due })
}

func (c *change) pay(ctx context.Context, by payment.Charge) (err error) {
	if c.payment, err = c.payment.Approve(by.Key, c.now); err != nil {
		return err
	}
	if c.order, err = c.order.Pay(c.now); err != nil {
		return err
	}
	c.ended = approved
	c.tx.Orders.Save(c.order)
	c.tx.Outbox.Append(c.payment.ApprovedEvent(), c.order.PaidEvent())
	return nil
}

func (c *change) fail(ctx context.Context, key, why string) (err error) {
	if c.payment, err = c.payment.Decline(key, why, c.now); err != nil {
		return err
	}
	if c.order, err = c.order.Fail(why, c.now); err != nil {
		return err
	}
	c.ended = declined
	return c.releaseOrder(ctx)
}

func (c *change) expire(ctx context.Context, why string) (err error) {
	if c.payment, err = c.payment.Expire(why, c.now); err != nil {
		return err
	}
	if c.order, err = c.order.Expire(why, c.now); err != nil {
		return err
	}
	c.ended = expired
	return c.releaseOrder(ctx)
}

// releaseOrder gives back what a dead order took.
func (c *change) releaseOrder(ctx context.Context) error {
	c.tx.Outbox.Append(c.payment.DeclinedEvent())
	return c.service.Compensator.Compensate(ctx, c.tx, c.order)
}

// markRefundsDue marks charges as due to be given back.
func (c *change) markRefundsDue(charges []payment.Charge) {
	var marked []payment.Charge
	c.payment, marked = c.payment.WithRefundsDue(charges, c.now)
	for _, m := range marked {
		c.tx.Charges.Save(m, c.now)
		i := slices.IndexFunc(c.charges, func(c payment.Charge) bool { return c.Key == m.Key })
		c.charges[i] = m
	}
}

// recordRefund writes that the i-th charge, which was due, is given back.
func (c *change) recordRefund(ctx context.Context, i int, status pgwire.Status) {
	was := c.charges[i]
	c.charges[i].Status, c.charges[i].Refund = status, payment.Done
	c.tx.Charges.Save(c.charges[i], c.now)
	c.payment = c.payment.WithRefund(was, c.now)
	if was.Status == pgwire.Success {
		c.ended = refunded
		c.tx.Outbox.Append(c.payment.RefundedEvent(was))
	}
}

// end is how a payment ended.
type end uint8

const (
	notYet end = iota
	approved
	declined
	expired
	refunded
	ends // how many there are
)

// Ended is how many payments were ended, by how.
type Ended struct{ Approved, Declined, Expired, Refunded int64 }

// Ended returns how many payments this desk has ended.
func (d *Service) Ended() Ended {
	return Ended{d.ended[approved].Load(), d.ended[declined].Load(), d.ended[expired].Load(), d.ended[refunded].Load()}
}

func (d *Service) count(ctx context.Context, c *change) {
	if c.ended == notYet {
		return
	}
	d.ended[c.ended].Add(1)
	p := c.payment
	d.Log.DebugContext(ctx, "a payment has ended", "status", p.Status, "payment", p.ID, "order", p.OrderID, "charge", p.Key, "reason", p.Reason)
}
