package settle

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// change is one change of a payment, in a transaction that holds the lock of its
// order.
type change struct {
	service *Service
	tx      store.Tx
	at      time.Time // the time of the transaction
	order   order.Order
	payment payment.Payment
	charges []payment.Charge
	outcome outcome // how this change ended the payment, if it did

	dueNow        bool // recovery checks the payment at once
	refundsDueNow bool // if a refund is due, recovery checks the payment at once
	checkAgain    bool // the gateway did not answer: this was not the last check
}

// change runs step on a payment in its own transaction. The transaction may run
// again, and step with it.
func (s *Service) change(ctx context.Context, orderID id.ID, step func(*change) error) (payment.Payment, error) {
	var c *change
	err := s.db.Update(ctx, func(tx store.Tx) (err error) {
		c, err = s.changeIn(ctx, tx, orderID, step)
		return err
	})
	if err != nil {
		return payment.Payment{}, err
	}
	s.count(ctx, c)
	return c.payment, nil
}

// changeIn locks the order, runs step on its payment, and writes the payment.
func (s *Service) changeIn(ctx context.Context, tx store.Tx, orderID id.ID, step func(*change) error) (*change, error) {
	o, err := tx.Orders.Lock(ctx, orderID)
	if err != nil {
		return nil, err
	}
	c, err := s.openChange(ctx, tx, o, s.clock())
	if err != nil {
		return nil, err
	}
	if err := step(c); err != nil {
		return nil, err
	}
	c.save()
	return c, nil
}

// openChange returns a change of the payment of an order that the transaction has locked.
func (s *Service) openChange(ctx context.Context, tx store.Tx, o order.Order, at time.Time) (*change, error) {
	if o.Payment == nil {
		return nil, payment.ErrNotFound
	}
	charges, err := tx.Charges.Of(ctx, o.ID)
	return &change{service: s, tx: tx, at: at, order: o, payment: *o.Payment, charges: charges}, err
}

// save writes the payment with the time of its next check.
func (c *change) save() {
	policy, due := c.service.policy, c.refundDue()
	c.payment = c.payment.Schedule(policy, due, c.at)
	if c.payment.DueAt == nil && c.checkAgain {
		c.payment = c.payment.Schedule(policy, true, c.at)
	}
	if c.dueNow || due && c.refundsDueNow {
		c.payment = c.payment.DueNow(c.at)
	}
	c.tx.Payments.Save(c.payment)
}

// recordRefundsSeen writes that charges whose refund was due are refunded or voided, if
// the gateway reports them as cancelled. They need no request then: the answer to one was
// lost, or somebody was faster in the gateway's console.
func (c *change) recordRefundsSeen(reported []payment.Charge) {
	for _, r := range reported {
		if i := c.indexOfDue(r.Key); i >= 0 && r.Status == payment.ChargeCancelled {
			c.recordRefund(i, r.Status)
		}
	}
}

// recordGatewayRefund writes that the gateway refunded the charge that paid, without a
// request of the shop, if it did. A paid order stays paid: an operator decides what becomes
// of the goods, and ends it.
func (c *change) recordGatewayRefund() {
	p, charge, ok := c.payment.WithGatewayRefund(c.charges, c.at)
	if !ok {
		return
	}
	c.payment, c.outcome = p, refundedAtGateway
	if c.order.Status() == order.Paid {
		c.payment = p.ForAttention(c.at)
	}
	c.saveCharge(charge)
	c.tx.Outbox.Append(c.at, p.RefundedAtGatewayEvent(charge))
}

// merge adds what the gateway reported to the charges.
func (c *change) merge(reported []payment.Charge) {
	all, changed := payment.Merge(c.charges, reported)
	for _, charge := range changed {
		c.tx.Charges.Save(charge, c.at)
	}
	if len(c.charges) == 0 && len(changed) > 0 {
		c.payment = c.payment.Record(c.at, payment.ActionRequested, changed[0].Key, "")
	}
	c.charges = all
}

// judge has payment.Judge decide, and writes its verdict.
func (c *change) judge(ctx context.Context) error {
	v := payment.Judge(c.obligation(), c.payment, c.charges, c.payment.Late(c.service.policy, c.at))
	var err error
	switch v.Outcome {
	case payment.BecomePaid:
		err = c.pay(v.By.Key)
	case payment.BecomeFailed:
		err = c.fail(ctx, v.By.Key, failureReason(v.By))
	case payment.BecomeExpired:
		err = c.expire(ctx, fmt.Sprintf("not paid within %s", c.service.policy.Expiry))
	case payment.Wait:
	}
	if err == nil {
		c.markRefundsDue(v.Refund)
	}
	return err
}

func (c *change) obligation() payment.Obligation {
	switch {
	case c.order.Status() == order.Pending:
		return payment.AwaitingPayment
	case c.order.Status() == order.Paid:
		return payment.AlreadyPaid
	default:
		return payment.MustRefund
	}
}

func failureReason(by payment.Charge) string {
	if by.Reason == "" {
		return "the gateway cancelled the charge"
	}
	return by.Reason
}

func (c *change) pay(key string) (err error) {
	if c.payment, err = c.payment.Approve(key, c.at); err != nil {
		return err
	}
	if c.order, err = c.order.Pay(c.at); err != nil {
		return err
	}
	c.outcome = approved
	c.tx.Orders.Save(c.order)
	c.tx.Outbox.Append(c.at, c.payment.ApprovedEvent(), c.order.PaidEvent())
	return nil
}

func (c *change) fail(ctx context.Context, key, why string) (err error) {
	if c.payment, err = c.payment.Decline(key, why, c.at); err != nil {
		return err
	}
	if c.order, err = c.order.Fail(why, c.at); err != nil {
		return err
	}
	c.outcome = declined
	return c.compensate(ctx)
}

func (c *change) expire(ctx context.Context, why string) (err error) {
	if c.payment, err = c.payment.Expire(why, c.at); err != nil {
		return err
	}
	if c.order, err = c.order.Expire(why, c.at); err != nil {
		return err
	}
	c.outcome = expired
	return c.compensate(ctx)
}

// compensate gives back what a dead order took.
func (c *change) compensate(ctx context.Context) error {
	c.tx.Outbox.Append(c.at, c.payment.DeclinedEvent())
	return c.service.compensator.Compensate(ctx, c.tx, c.order, c.at)
}

// recordUnavailable notes that the gateway did not answer, if err is not nil: this is
// not the last check then. The history of a payment that waits gets one line about
// it, however often the gateway is asked until something else happens.
func (c *change) recordUnavailable(ctx context.Context, err error) error {
	c.checkAgain = err != nil
	if err == nil || c.payment.Status != payment.Pending && !c.refundDue() {
		return nil
	}
	c.payment = c.payment.Heard(err.Error(), c.at)
	history, failed := c.tx.Payments.History(ctx, c.payment.ID)
	if failed != nil {
		return failed
	}
	if n := len(history); n == 0 || history[n-1].Action != payment.GatewayUnavailable {
		c.payment = c.payment.Record(c.at, payment.GatewayUnavailable, err.Error(), "")
	}
	return nil
}

func (c *change) refundDue() bool { return slices.ContainsFunc(c.charges, isRefundDue) }

func isRefundDue(c payment.Charge) bool { return c.Refund == payment.RefundDue }

// indexOfDue returns the position of the charge with the key if its refund is due,
// else -1.
func (c *change) indexOfDue(key string) int {
	return slices.IndexFunc(c.charges, func(c payment.Charge) bool { return c.Key == key && isRefundDue(c) })
}

// markRefundsDue decides that charges are refunded or voided.
func (c *change) markRefundsDue(charges []payment.Charge) {
	var marked []payment.Charge
	c.payment, marked = c.payment.WithRefundsDue(charges, c.at)
	for _, m := range marked {
		c.saveCharge(m)
	}
}

// saveCharge writes a charge and puts it in the place of the known one with its key.
func (c *change) saveCharge(charge payment.Charge) {
	c.tx.Charges.Save(charge, c.at)
	i := slices.IndexFunc(c.charges, func(known payment.Charge) bool { return known.Key == charge.Key })
	if i < 0 {
		c.charges = append(c.charges, charge)
		return
	}
	c.charges[i] = charge
}

// recordRefund writes that the i-th charge, whose refund was due, is refunded or
// voided.
func (c *change) recordRefund(i int, status payment.ChargeStatus) {
	before := c.charges[i]
	after := before
	after.Status, after.Refund = status, payment.RefundDone
	c.saveCharge(after)
	c.payment = c.payment.WithRefund(before, c.at)
	if before.Status == payment.ChargeSucceeded {
		c.outcome = refunded
		c.tx.Outbox.Append(c.at, c.payment.RefundedEvent(before))
	}
}
