package settle_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// After any order of requests, answers, callbacks, checks, cancellations, manual
// settlements and time, every order has ended once, and the gateway has kept exactly what
// the paid orders cost.
func TestRandomEventsNeverUnbalanceShopAndGateway(t *testing.T) {
	t.Parallel()
	shop, now := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})), time.Now()
	watch := func() time.Time { return now }
	mug, ends := shop.Product(t, 1000, 1_000_000), map[order.Status]int{}
	off := shop.Coupon(t, coupons.Draft{Value: 100, Quantity: 1_000_000, ValidDays: 365})
	rapid.Check(t, func(r *rapid.T) {
		s := &story{cardShop: newCardShop(shop, withClock(watch)), t: t, mug: mug, customer: shop.Customer(t, allPoints), pass: func(d time.Duration) { now = now.Add(d) }}
		s.coupon = shop.Issue(t, s.customer, off)
		r.Repeat(s.actions())
		s.finish(r, ends)
	})
	t.Logf("ends: %v", ends)
	for _, end := range []order.Status{order.Paid, order.Failed, order.Expired, order.Cancelled} {
		if ends[end] == 0 {
			t.Errorf("no run ended with an order %s", end)
		}
	}
}

// allPoints is the balance of a new customer.
const allPoints = 10_000

type story struct {
	*cardShop

	t        *testing.T
	mug      int64
	customer id.ID
	coupon   id.ID // of the customer
	orders   []order.Order
	pass     func(time.Duration) // lets time pass
	steps    int
}

func (s *story) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"order":           s.order,
		"request":         s.try,
		"decide":          s.decide,
		"callback":        s.callback,
		"look":            func(*rapid.T) { s.look() },
		"wait":            func(r *rapid.T) { s.pass(time.Duration(rapid.IntRange(1, 400).Draw(r, "seconds")) * time.Second) },
		"cancel":          s.cancel,
		"settle manually": s.settleManually,
		"away":            func(r *rapid.T) { s.gateway.away = rapid.IntRange(0, 2).Draw(r, "away") == 0 },
		"fault": func(r *rapid.T) {
			s.gateway.next = rapid.SampledFrom([]fate{answerLost, answerLost, undone, undone, notReached, notReached, refused}).Draw(r, "fate")
		},
		"": s.check,
	}
}

func (s *story) order(r *rapid.T) {
	if len(s.orders) == 3 {
		r.Skip("enough")
	}
	points := money.Won(rapid.IntRange(0, 899).Draw(r, "points"))
	request := checkout.Request{
		UserID: s.customer, Lines: []order.Want{{ProductID: s.mug, Quantity: 1}}, Points: &points, Card: &s.card,
	}
	if rapid.Bool().Draw(r, "with the coupon") {
		request.CouponID = &s.coupon
	}
	o, err := s.Checkout.Place(s.t.Context(), request, store.Unguarded{})
	if used := request.CouponID != nil && s.isUsed(); used != (err != nil) {
		r.Fatalf("the coupon is used: %v, and the order: %v", used, err)
	}
	if err == nil {
		s.orders = append(s.orders, o)
	}
}

// isUsed reports whether a live order has the coupon.
func (s *story) isUsed() bool {
	return slices.ContainsFunc(s.orders, func(o order.Order) bool {
		return o.Coupon != nil && s.now(s.t, o).Status().Live()
	})
}

func (s *story) any(r *rapid.T) order.Order {
	if len(s.orders) == 0 {
		r.Skip("no order yet")
	}
	return s.now(s.t, rapid.SampledFrom(s.orders).Draw(r, "order"))
}

// try requests a payment; also one that has ended meanwhile, like a request that arrives
// late.
func (s *story) try(r *rapid.T) {
	_ = s.service.TryCharge(s.t.Context(), *s.any(r).Payment, s.card) // any error is allowed
}

func (s *story) decide(r *rapid.T) {
	open := s.gateway.open()
	if len(open) == 0 {
		r.Skip("nothing is open")
	}
	s.gateway.decide(rapid.SampledFrom(open).Draw(r, "charge"), rapid.SampledFrom([]payment.ChargeStatus{payment.ChargeSucceeded, payment.ChargeSucceeded, payment.ChargeFailed}).Draw(r, "status"))
}

// callback sends the callback of any charge, possibly again.
func (s *story) callback(r *rapid.T) {
	all := s.gateway.all()
	if len(all) == 0 {
		r.Skip("no charge")
	}
	c := rapid.SampledFrom(all).Draw(r, "charge")
	_, _ = s.service.Callback(s.t.Context(), callbackOf(c)) // any error is allowed
}

func (s *story) look() { _, _ = s.service.Round(s.t.Context()) }

// seldom skips most of the actions that end an order.
func seldom(r *rapid.T) {
	if rapid.IntRange(0, 7).Draw(r, "seldom") > 0 {
		r.Skip("not this time")
	}
}

func (s *story) cancel(r *rapid.T) {
	seldom(r)
	o := s.any(r)
	_, err := s.Checkout.Cancel(s.t.Context(), s.customer, o.ID, "", store.Unguarded{})
	if live := o.Status().Live(); live != (err == nil) {
		r.Fatalf("cancel of an order that is %s: %v", o.Status(), err)
	}
}

func (s *story) settleManually(r *rapid.T) {
	seldom(r)
	o := s.any(r)
	w := settle.ManualSettlement{Outcome: payment.Declined, Reason: "told by phone", Actor: "ann"}
	if i := slices.IndexFunc(s.gateway.all(), func(c payment.Charge) bool {
		return c.OrderID == o.ID && c.Status == payment.ChargeSucceeded
	}); i >= 0 { // operators state the truth
		w.Outcome, w.Key = payment.Approved, s.gateway.all()[i].Key
	}
	_, err := s.service.SettleManually(s.t.Context(), o.ID, w, store.Unguarded{})
	if pending := o.Status() == order.Pending; pending != (err == nil) {
		r.Fatalf("manual settlement of an order that is %s: %v", o.Status(), err)
	}
}

// check fails the run if the audit finds a difference, or if an order that has ended
// changed again other than by a cancellation.
func (s *story) check(r *rapid.T) {
	for i, was := range s.orders {
		is := s.now(s.t, was)
		if was.Status() != is.Status() && was.Status() != order.Pending && is.Status() != order.Cancelled {
			r.Fatalf("an order that was %s is %s", was.Status(), is.Status())
		}
		s.orders[i] = is
	}
	const often = 5 // one audit in so many steps: it costs more than a step
	s.steps++
	if s.steps%often == 0 {
		s.verify(s.t)
	}
	if s.t.Failed() {
		r.FailNow()
	}
}

// finish brings the gateway back and lets time pass until every payment has ended.
func (s *story) finish(r *rapid.T, ends map[order.Status]int) {
	s.gateway.away, s.gateway.next = false, answered
	for _, key := range s.gateway.open() {
		s.gateway.decide(key, rapid.SampledFrom([]payment.ChargeStatus{payment.ChargeSucceeded, payment.ChargeSucceeded, payment.ChargeFailed}).Draw(r, "at last"))
	}
	for range 10 {
		s.pass(payment.DefaultPolicy().Interval)
		s.look()
	}
	left := money.Won(allPoints)
	for _, o := range s.orders {
		o = s.now(s.t, o)
		ends[o.Status()]++
		want := money.Won(0)
		if o.Status() == order.Paid {
			want = o.Card
			left -= o.Points
		}
		if kept := s.gateway.kept(o.ID); kept != want || o.Status() == order.Pending {
			r.Fatalf("order %s: the gateway has kept %d, want %d\n%s", o.Status(), kept, want, s.history(o))
		}
	}
	if b := s.Balance(s.t, s.customer); b != left {
		r.Fatalf("the customer has %d points left, want %d", b, left)
	}
	s.verify(s.t)
	if s.t.Failed() {
		r.FailNow()
	}
}

func (s *story) history(o order.Order) string {
	seen, err := s.service.Details(s.t.Context(), o.ID)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%+v\n%+v\n%+v", seen.Payment, seen.Charges, seen.History)
}
