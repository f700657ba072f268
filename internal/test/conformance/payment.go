package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// discounted returns an order with a coupon, points, and a card for the rest.
func (s *shop) discounted(o order.Order, owned coupon.IssuedCoupon, points money.Won) order.Order {
	off, err := owned.Coupon.Discount(o.Amount)
	if err == nil {
		o, err = o.FundedBy(off, points)
	}
	if err != nil {
		s.Error(err)
	}
	o.Coupon = &order.Coupon{ID: owned.ID, CouponID: owned.Coupon.ID, Name: owned.Coupon.Name}
	return o
}

// byCard returns a pending order that a card pays. It is not stored yet.
func (s *shop) byCard(user id.ID) order.Order {
	s.Helper()
	o, err := s.order(user, s.product(s.brand().ID, 1)).FundedBy(0, 0)
	if err != nil {
		s.Fatal(err)
	}
	p := s.payment(o, noon())
	o.Payment = &p
	return o
}

func (s *shop) payment(o order.Order, at time.Time) payment.Payment {
	card := payment.Card{Type: payment.KB, Last4: "0123"}
	return payment.New(s.ids(), o.ID, o.UserID, card, o.Card, at, payment.DefaultPolicy())
}

// placeByCard adds a pending order with its payment and returns the payment.
func (s *shop) placeByCard(user id.ID) payment.Payment {
	s.Helper()
	o := s.byCard(user)
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Orders.Add(o)
		tx.Payments.Add(*o.Payment)
		return nil
	})
	return *o.Payment
}

func (s *shop) savePayment(p payment.Payment) {
	s.Helper()
	s.update(func(_ context.Context, tx store.Tx) error { tx.Payments.Save(p); return nil })
}

func (s *shop) storedPayment(either id.ID) payment.Payment {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (payment.Payment, error) { return tx.Payments.Of(ctx, either) })
}

func (s *shop) saveCharges(knownAt time.Time, all ...payment.Charge) {
	s.Helper()
	s.update(func(_ context.Context, tx store.Tx) error {
		for _, c := range all {
			tx.Charges.Save(c, knownAt)
		}
		return nil
	})
}

func paymentTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a payment reads as it was added, by its id or its order's":        paymentReads,
		"what became of a payment is saved, and its history is kept":       paymentSaved,
		"an unknown payment is not found":                                  paymentUnknown,
		"an order has one payment although several are added at once":      paymentOnce,
		"payments that are due are found, those that waited longest first": paymentsDue,
		"payments that wait are due ahead of those that are watched":       paymentsWaiting,
		"few of the payments that are watched are due at once":             paymentsWatched,
		"payments are found by what is asked of them, page by page":        paymentsFound,
		"charges are kept in the order in which they became known":         chargesKept,
		"an order reads whole: discount, coupon, card and payment":         orderWhole,
	}
}

func paymentReads(s *shop) {
	u := s.user()
	s.placeByCard(u.ID)
	p := s.placeByCard(u.ID)
	for _, named := range []id.ID{p.ID, p.OrderID} {
		got := s.storedPayment(named)
		s.equal(p, got)
		s.equal(0, len(got.UnsavedEntries()))
	}
}

func paymentSaved(s *shop) {
	p := s.placeByCard(s.user().ID)
	history := func() []payment.Entry {
		return read(s, func(ctx context.Context, tx store.Tx) ([]payment.Entry, error) { return tx.Payments.History(ctx, p.ID) })
	}
	s.equal(p.UnsavedEntries(), history())
	// The same time, and an earlier one: the history has the order of the writes.
	p = s.storedPayment(p.ID).Record(noon(), payment.ActionRequested, "TR:1", "").Record(noon().Add(-1_000), payment.ActionManual, "they called", "admin")
	p, err := p.Decline("TR:1", "the limit is exceeded", noon().Add(time.Second))
	if err != nil {
		s.Fatal(err)
	}
	p.DueAt = nil
	sends := payment.Sends{}.After(noon().Add(time.Minute), true).After(noon().Add(time.Hour), false)
	p = p.WithReply(sends, "refused: 한도", noon().Add(2*time.Hour)).ForAttention(noon().Add(3 * time.Hour))
	s.savePayment(p)
	s.equal(p, s.storedPayment(p.ID))
	s.savePayment(s.storedPayment(p.ID).Attended())
	s.equal(p.Attended(), s.storedPayment(p.ID))
	s.equal(append([]payment.Entry{{At: noon(), Action: payment.ActionPlaced}}, p.UnsavedEntries()...), history())
}

func paymentUnknown(s *shop) {
	s.refuses(payment.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Payments.Of(ctx, s.ids())
		return err
	})
	s.refuses(payment.ErrNotFound, func(_ context.Context, tx store.Tx) error {
		tx.Payments.Save(payment.Payment{ID: s.ids(), Status: payment.Pending})
		return nil
	})
}

func paymentOnce(s *shop) {
	o := s.byCard(s.user().ID)
	s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Add(o); return nil })
	added := s.atOnce(8, payment.ErrExists, func(_ context.Context, tx store.Tx, _ int) error {
		tx.Payments.Add(s.payment(o, noon()))
		return nil
	})
	s.equal(int64(1), added)
	s.equal(o.ID, s.storedPayment(o.ID).OrderID)
}

func paymentsDue(s *shop) {
	u := s.user()
	var orders []id.ID
	for _, minute := range []int{3, 1, 0, 2, 4} {
		p := s.placeByCard(u.ID)
		due := noon().Add(time.Duration(minute) * time.Minute)
		if p.DueAt = &due; minute == 0 {
			p.DueAt = nil
		}
		s.savePayment(p)
		orders = append(orders, p.OrderID)
	}
	due := func(limit int) []id.ID {
		return read(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
			return tx.Payments.Due(ctx, noon().Add(3*time.Minute), limit)
		})
	}
	s.equal([]id.ID{orders[1], orders[3], orders[0]}, due(10))
	s.equal([]id.ID{orders[1], orders[3]}, due(2))
}

// found is a payment of paymentsFound.
type found struct {
	payment.Payment
	refund bool
}

// cases adds payments of every status, each with and without a refund due, and returns
// them newest first.
func (s *shop) cases() (all []found) {
	s.Helper()
	u := s.user()
	for i := range 16 {
		p := s.placeByCard(u.ID)
		p.CreatedAt = noon()
		var err error
		switch status := []payment.Status{payment.Pending, payment.Approved, payment.Declined, payment.Refunded}[i%4]; status {
		case payment.Approved, payment.Refunded:
			if p, err = p.Approve("TR:1", noon()); err != nil {
				s.Fatal(err)
			}
			p.Status = status
			if i > 8 && status == payment.Refunded {
				p = p.ForAttention(noon())
			}
		case payment.Declined:
			if p, err = p.Expire("too late", noon()); err != nil {
				s.Fatal(err)
			}
		case payment.Pending:
		}
		s.savePayment(p)
		refund := i%8 < 3
		for j, state := range []payment.RefundState{payment.NoRefund, payment.RefundDue, payment.RefundDue, payment.RefundDone} {
			if refund || state != payment.RefundDue {
				s.saveCharges(noon(), payment.Charge{Key: string(rune('a' + j)), OrderID: p.OrderID, Status: payment.ChargeSucceeded, Refund: state})
			}
		}
		all = append([]found{{p, refund}}, all...)
	}
	return all
}

func paymentsFound(s *shop) {
	all := s.cases()
	isStuck := func(f found) bool { return f.refund || f.Status == payment.Pending || f.AttentionAt != nil }
	for _, c := range []struct {
		filter payment.Filter
		keep   func(found) bool
	}{
		{payment.Filter{}, func(found) bool { return true }},
		{payment.Filter{Status: payment.Declined}, func(f found) bool { return f.Status == payment.Declined }},
		{payment.Filter{Refunds: true}, func(f found) bool { return f.refund }},
		{payment.Filter{Stuck: true}, isStuck},
		{payment.Filter{Stuck: true, Status: payment.Approved}, func(f found) bool { return f.refund && f.Status == payment.Approved }},
		{payment.Filter{Before: noon()}, func(found) bool { return false }},
		{payment.Filter{Before: noon().Add(time.Microsecond), Stuck: true}, isStuck},
		{payment.Filter{Status: "' OR 1=1 --"}, func(found) bool { return false }},
	} {
		var want, got []payment.Payment
		for _, f := range slices.DeleteFunc(slices.Clone(all), func(f found) bool { return !c.keep(f) }) {
			want = append(want, f.Payment)
		}
		for before := (id.ID{}); ; before = got[len(got)-1].ID {
			page := read(s, func(ctx context.Context, tx store.Tx) ([]payment.Payment, error) {
				return tx.Payments.Find(ctx, c.filter, before, 3)
			})
			if got = append(got, page...); len(page) < 3 {
				break
			}
		}
		s.equal(want, got)
	}
}

func chargesKept(s *shop) {
	orderID, other := s.ids(), s.ids()
	one := payment.Charge{Key: "b", OrderID: orderID, Amount: 10, Status: payment.ChargePending, Refund: payment.NoRefund}
	two, three := one, one
	two.Key, three.Key, three.Status, three.Reason = "c", "a", payment.ChargeFailed, "a bad card"
	twin := payment.Charge{Key: "b", OrderID: other, Amount: 7, Status: payment.ChargeSucceeded, Refund: payment.NoRefund}
	s.saveCharges(noon(), two, one, twin)
	s.saveCharges(noon().Add(time.Second), three)
	one.Amount, one.Status, one.Reason, one.Refund = 11, payment.ChargeSucceeded, "approved", payment.RefundDue
	s.saveCharges(noon().Add(time.Minute), one) // saved again: it keeps its place
	of := func(orderID id.ID) []payment.Charge {
		return read(s, func(ctx context.Context, tx store.Tx) ([]payment.Charge, error) { return tx.Charges.Of(ctx, orderID) })
	}
	s.equal([]payment.Charge{one, two, three}, of(orderID))
	s.equal([]payment.Charge{twin}, of(other))
	s.equal(0, len(of(s.ids())))
}

func orderWhole(s *shop) {
	u := s.user()
	plain := s.placed(u)
	o := s.discounted(s.order(u.ID, s.product(s.brand().ID, 9)), s.own(s.offer(1).ID, u.ID), 100)
	p := s.payment(o, noon())
	o.Payment = &p
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Orders.Add(o)
		tx.Payments.Add(p)
		return nil
	})
	o = order.Restore(o, o.History())
	s.equal(o, s.kept(o.ID))
	s.equal(o, write(s, func(ctx context.Context, tx store.Tx) (order.Order, error) { return tx.Orders.Lock(ctx, o.ID) }))
	all, _ := s.ordersOf(u.ID, id.ID{}, 5)
	s.equal([]order.Order{o, plain}, all)
}
