package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

type comparing = func(store.Audit, context.Context, store.AuditReport) error

// sound fails the test if a check finds a difference. It returns how many places the
// check compared.
func (s *shop) sound(compare comparing) int64 {
	s.Helper()
	compared, differences := s.audit(compare)
	s.equal(0, len(differences))
	for _, d := range differences {
		s.Errorf("%+v", d)
	}
	return compared
}

// names fails the test unless a check finds exactly these differences of one
// subject.
func (s *shop) names(compare comparing, subject, damage string, want ...store.Difference) {
	s.Helper()
	for i := range want {
		want[i].Subject = subject
	}
	_, found := s.audit(compare)
	got := slices.DeleteFunc(found, func(d store.Difference) bool { return d.Subject != subject })
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", damage, diff)
	}
}

func payBookTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"valid orders and payments, also failed ones, have no difference": soundBooks,
	}
}

// outcome is an order with its payment and charges, as they are stored.
type outcome struct {
	status  order.Status
	points  bool // points pay everything
	payment payment.Status
	key     string
	charges []payment.Charge
}

// storeOutcome writes an outcome as it is.
func (s *shop) storeOutcome(d outcome) order.Order {
	s.Helper()
	o := s.byCard(s.user().ID)
	p := *o.Payment
	if d.points {
		o.Points, o.Card = o.Amount, 0
	}
	o = s.step(o, d.status)
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Orders.Add(o)
		if d.payment != "" {
			ended := noon().Add(time.Minute)
			if p.Status, p.Key = d.payment, d.key; d.payment != payment.Pending {
				p.EndedAt = &ended
			}
			tx.Payments.Add(p)
		}
		for _, c := range d.charges {
			c.OrderID, c.Amount = o.ID, c.Amount+p.Amount
			tx.Charges.Save(c, noon())
		}
		return nil
	})
	return o
}

// step moves an order to a status.
func (s *shop) step(o order.Order, to order.Status) order.Order {
	s.Helper()
	var err error
	switch to {
	case order.Pending:
	case order.Paid:
		o, err = o.Pay(noon())
	case order.Failed:
		o, err = o.Fail("why", noon())
	case order.Expired:
		o, err = o.Expire("why", noon())
	case order.Cancelled:
		o, err = o.Cancel("why", noon())
	}
	if err != nil {
		s.Fatal(err)
	}
	return o
}

func charged(key string, status payment.ChargeStatus, refund payment.RefundState) payment.Charge {
	return payment.Charge{Key: key, Status: status, Refund: refund}
}

// wrong returns the charge with another amount.
func wrong(c payment.Charge) payment.Charge { c.Amount = -1; return c }

func validOutcomes() []outcome {
	success, failed, off := payment.ChargeSucceeded, payment.ChargeFailed, payment.ChargeCancelled
	none, due, done := payment.NoRefund, payment.RefundDue, payment.RefundDone
	return []outcome{
		{order.Paid, true, "", "", nil},
		{order.Cancelled, true, "", "", nil},
		{order.Pending, false, payment.Pending, "", nil},
		{order.Pending, false, payment.Pending, "", []payment.Charge{charged("a", payment.ChargePending, none)}},
		{order.Pending, false, payment.Pending, "", []payment.Charge{wrong(charged("a", success, due)), wrong(charged("b", off, done))}},
		{order.Paid, false, payment.Approved, "a", []payment.Charge{charged("a", success, none)}},
		{order.Paid, false, payment.Approved, "b", []payment.Charge{ // charged twice, and declined once
			charged("a", failed, none), charged("b", success, none), charged("c", success, due), charged("d", off, done),
		}},
		{order.Failed, false, payment.Declined, "a", []payment.Charge{charged("a", failed, none)}},
		{order.Failed, false, payment.Declined, "", nil}, // settled manually, or refused by the gateway
		{order.Expired, false, payment.Declined, "", []payment.Charge{charged("a", success, due)}},
		{order.Expired, false, payment.Refunded, "", []payment.Charge{charged("a", off, done)}},
		{order.Cancelled, false, payment.Declined, "", []payment.Charge{charged("a", payment.ChargePending, due)}},
		{order.Cancelled, false, payment.Approved, "a", []payment.Charge{charged("a", success, due), charged("b", off, done)}},
		{order.Cancelled, false, payment.Refunded, "a", []payment.Charge{charged("a", off, done), charged("b", success, due)}},
	}
}

func soundBooks(s *shop) {
	for _, d := range validOutcomes() {
		s.storeOutcome(d)
	}
	// A coupon that pays everything; one that was freed and used again; one never used.
	u, p := s.user(), s.product(s.brand().ID, 1)
	c := coupon.Coupon{ID: s.ids(), Name: "All", Type: coupon.Percent, Value: 100, Quantity: 1, ValidDays: 1, CreatedAt: noon()}
	s.update(func(_ context.Context, tx store.Tx) error { tx.Coupons.Add(c); return nil })
	owned, idle := s.own(c.ID, u.ID), s.own(s.offer(2).ID, u.ID)
	s.spendCoupon(s.order(u.ID, p), owned, order.Cancelled, false)
	s.spendCoupon(s.order(u.ID, p), owned, order.Paid, true)
	s.spendCoupon(s.order(u.ID, p), idle, order.Expired, false)
	n := int64(len(validOutcomes()))
	s.equal([]int64{n + 3, 2, 2 + 1}, []int64{s.sound(store.Audit.Paid), s.sound(store.Audit.Charged), s.sound(store.Audit.Coupons)})
}

// spendCoupon adds an order that used a coupon, and writes whether the coupon is used by
// it.
func (s *shop) spendCoupon(o order.Order, owned coupon.IssuedCoupon, to order.Status, used bool) {
	s.Helper()
	total := o.Amount
	off, err := owned.Coupon.Discount(total)
	if err != nil {
		s.Fatal(err)
	}
	o = s.step(s.discounted(o, owned, total-off), to)
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Orders.Add(o)
		if used {
			at := noon()
			owned.OrderID, owned.UsedAt = &o.ID, &at
			tx.Owned.Save(owned)
		}
		return nil
	})
}
