package conformance

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

func damageTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"stock that a failed or expired order holds is named": deadStock,
		"a coupon that is not used as it says is named":       couponDamage,
		"a coupon that nobody has is named":                   strangeCoupon,
		"coupons that nobody counted are named":               issueDamage,
		"an order that is not paid as it says is named":       paidDamage,
		"an order that its history contradicts is named":      historyDamage,
		"money that is kept and should not be is named":       chargedDamage,
	}
}

func deadStock(s *shop) {
	b, u := s.brand(), s.user()
	for _, to := range []order.Status{order.Failed, order.Expired} {
		p := s.product(b.ID, 10)
		o := s.step(s.order(u.ID, p), to)
		move := func(delta, left int64, why product.Reason) {
			s.update(func(_ context.Context, tx store.Tx) error {
				tx.Stocks.Save(product.StockOf(p.ID, left), product.Movement{
					ProductID: p.ID, Delta: delta, Quantity: left, Reason: why, OrderID: &o.ID, At: noon(),
				})
				return nil
			})
		}
		s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Add(o); return nil })
		move(-1, 9, product.Ordered)
		s.names(store.Audit.Stock, fmt.Sprintf("product %d", p.ID), "not given back",
			store.Difference{What: "stock, put in less held by live orders", Want: 10, Got: 9})
		move(1, 10, product.Cancelled)
		s.sound(store.Audit.Stock)
	}
}

func couponDamage(s *shop) {
	const orders, named = "live orders that use it", "the order that it names is one of them"
	u, other, p := s.user(), s.user(), s.product(s.brand().ID, 1)
	for what, c := range map[string]struct {
		damage func(owned coupon.IssuedCoupon)
		want   []store.Difference
	}{
		"used by a dead order": {func(o coupon.IssuedCoupon) {
			s.spendCoupon(s.order(u.ID, p), o, order.Failed, true)
		}, []store.Difference{{What: orders, Want: 1, Got: 0}}},
		"used by two live orders": {func(o coupon.IssuedCoupon) {
			s.spendCoupon(s.order(u.ID, p), o, order.Paid, true)
			s.spendCoupon(s.order(u.ID, p), o, order.Pending, false)
		}, []store.Difference{{What: orders, Want: 1, Got: 2}}},
		"used by an order, and does not say so": {func(o coupon.IssuedCoupon) {
			s.spendCoupon(s.order(u.ID, p), o, order.Paid, false)
		}, []store.Difference{{What: orders, Want: 0, Got: 1}, {What: named, Want: 1, Got: 0}}},
		"used by another order than it says": {func(o coupon.IssuedCoupon) {
			s.spendCoupon(s.order(u.ID, p), o, order.Cancelled, true)
			s.spendCoupon(s.order(u.ID, p), o, order.Paid, false)
		}, []store.Difference{{What: named, Want: 1, Got: 0}}},
		"used by somebody else": {func(o coupon.IssuedCoupon) {
			s.spendCoupon(s.order(other.ID, p), o, order.Paid, true)
		}, []store.Difference{{What: named, Want: 1, Got: 0}}},
	} {
		owned := s.own(s.offer(1).ID, u.ID)
		c.damage(owned)
		s.names(store.Audit.Coupons, fmt.Sprintf("owned coupon %s", owned.ID), what, c.want...)
	}
}

func strangeCoupon(s *shop) {
	u := s.user()
	owned := coupon.IssuedCoupon{ID: s.ids(), UserID: u.ID, Coupon: s.offer(1)}
	s.spendCoupon(s.order(u.ID, s.product(s.brand().ID, 1)), owned, order.Paid, false)
	s.names(store.Audit.Coupons, fmt.Sprintf("owned coupon %s", owned.ID), "used, and nobody's",
		store.Difference{What: "live orders that use it", Want: 0, Got: 1},
		store.Difference{What: "the order that it names is one of them", Want: 1, Got: 0})
}

func issueDamage(s *shop) {
	u, c := s.user(), s.offer(1)
	s.own(c.ID, u.ID)
	s.update(func(_ context.Context, tx store.Tx) error { // not counted, and more than the quantity
		tx.Owned.Add(coupon.IssuedCoupon{ID: s.ids(), UserID: s.ids(), Coupon: c, IssuedAt: noon(), ExpiresAt: noon()})
		return nil
	})
	s.names(store.Audit.Coupons, fmt.Sprintf("coupon %s", c.ID), "two of one",
		store.Difference{What: "issued, number of owners", Want: 2, Got: 1},
		store.Difference{What: "owners beyond what there are", Want: 1, Got: 2})
}

// whole stands for the card amount of an order.
const whole = -1

// broken is an invalid outcome, and the differences that the audit must find.
type broken struct {
	outcome
	want []store.Difference
}

// invalidOutcomes returns every way in which an order and its payment can disagree.
func invalidOutcomes() []broken {
	const (
		paid, kept = "points and approved card amount, total", "charge that is kept, approved card amount"
		unpaid     = "approved card amount of an unpaid order"
		under      = "card payment under way of an unpaid order"
		dead       = "card payment under way of a dead order"
		refund     = "refund under way of a dead order's approved card payment"
		asked      = "card payment, card amount"
	)
	success, none, due, done := payment.ChargeSucceeded, payment.NoRefund, payment.RefundDue, payment.RefundDone
	only := func(what string, want, got int64) []store.Difference {
		return []store.Difference{{What: what, Want: want, Got: got}}
	}
	one := func(status payment.ChargeStatus, refund payment.RefundState) []payment.Charge {
		return []payment.Charge{charged("a", status, refund)}
	}
	return []broken{
		{outcome{order.Paid, false, "", "", nil}, append(only(asked, whole, 0), only(paid, whole, 0)...)},
		{outcome{order.Paid, false, payment.Pending, "", nil}, only(paid, whole, 0)},
		{outcome{order.Paid, false, payment.Declined, "", nil}, only(paid, whole, 0)},
		{outcome{order.Paid, false, payment.Refunded, "a", one(payment.ChargeCancelled, done)}, only(paid, whole, 0)},
		{outcome{order.Paid, false, payment.Approved, "a", nil}, only(kept, whole, 0)},
		{outcome{order.Paid, false, payment.Approved, "b", one(success, none)}, only(kept, whole, 0)},
		{outcome{order.Paid, false, payment.Approved, "a", one(payment.ChargePending, none)}, only(kept, whole, 0)},
		{outcome{order.Paid, false, payment.Approved, "a", one(payment.ChargeCancelled, none)}, only(kept, whole, 0)},
		{outcome{order.Paid, false, payment.Approved, "a", one(success, due)}, only(kept, whole, 0)},
		{outcome{order.Pending, true, "", "", nil}, only(under, 1, 0)}, // no card will pay it
		{outcome{order.Pending, false, "", "", nil}, append(only(asked, whole, 0), only(under, 1, 0)...)},
		{outcome{order.Pending, false, payment.Declined, "", nil}, only(under, 1, 0)},
		{outcome{order.Pending, false, payment.Approved, "a", one(success, none)}, append(only(unpaid, 0, whole), only(under, 1, 0)...)},
		{outcome{order.Failed, false, payment.Pending, "", nil}, only(dead, 0, 1)},
		{outcome{order.Cancelled, false, "", "", nil}, only(asked, whole, 0)},
		{outcome{order.Cancelled, false, payment.Approved, "a", nil}, only(refund, 1, 0)},
		{outcome{order.Expired, false, payment.Approved, "a", one(success, none)}, only(refund, 1, 0)},
		{outcome{order.Cancelled, false, payment.Approved, "a", one(payment.ChargeCancelled, done)}, only(refund, 1, 0)},
	}
}

func paidDamage(s *shop) {
	for _, b := range invalidOutcomes() {
		o := s.storeOutcome(b.outcome)
		for i, d := range b.want {
			if d.Want == whole {
				b.want[i].Want = int64(o.Amount)
			}
			if d.Got == whole {
				b.want[i].Got = int64(o.Amount)
			}
		}
		s.names(store.Audit.Paid, fmt.Sprintf("order %s, %s", o.ID, b.status), fmt.Sprintf("%+v", b.outcome), b.want...)
	}
}

func historyDamage(s *shop) {
	o := s.order(s.user().ID, s.product(s.brand().ID, 1))
	o = order.Restore(o, s.step(o, order.Paid).History()) // as if the steps were saved
	s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Add(o); return nil })
	s.names(store.Audit.Paid, fmt.Sprintf("order %s, PAID", o.ID), "no step",
		store.Difference{What: "status, last step of its history", Want: 1, Got: 0})
}

func chargedDamage(s *shop) {
	kept := charged("a", payment.ChargeSucceeded, payment.NoRefund)
	again := kept
	again.Key = "b"
	for _, c := range []struct {
		outcome   outcome
		want, got int64
	}{
		{outcome{order.Paid, false, payment.Approved, "a", []payment.Charge{kept, again}}, 1, 2},
		{outcome{order.Paid, true, "", "", []payment.Charge{kept}}, 0, 1},
		{outcome{order.Pending, false, payment.Pending, "", []payment.Charge{wrong(kept)}}, 0, 1},
		{outcome{order.Failed, false, payment.Declined, "", []payment.Charge{kept}}, 0, 1},
		{outcome{order.Expired, false, payment.Refunded, "", []payment.Charge{kept, charged("b", payment.ChargeCancelled, payment.RefundDone)}}, 0, 1},
		{outcome{order.Cancelled, false, payment.Approved, "a", []payment.Charge{kept}}, 0, 1},
	} {
		o := s.storeOutcome(c.outcome)
		s.names(store.Audit.Charged, fmt.Sprintf("order %s, %s", o.ID, c.outcome.status), fmt.Sprintf("%+v", c.outcome),
			store.Difference{What: "charges that are kept", Want: c.want, Got: c.got})
	}
	nobodys := kept
	nobodys.OrderID = s.ids()
	s.saveCharges(noon(), nobodys)
	s.names(store.Audit.Charged, fmt.Sprintf("order %s, not there", nobodys.OrderID), "of no order",
		store.Difference{What: "charges that are kept", Want: 0, Got: 1})
}
