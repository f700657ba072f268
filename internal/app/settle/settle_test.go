package settle_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// number is the card number of every customer in these tests.
const number cardno.Number = "1234-5678-9814-1451"

// cardShop is a shop that takes cards.
type cardShop struct {
	*shoptest.Shop

	config  settle.Config
	service *settle.Service
	gateway *gateway
	card    payment.CardDetails
}

// newCardShop adds card payments to a shop; change may change what they are made of.
func newCardShop(shop *shoptest.Shop, change ...func(*settle.Config)) *cardShop {
	shop.T.Helper()
	card, err := payment.NewCardDetails(payment.KB, number)
	if err != nil {
		shop.T.Fatal(err)
	}
	s := &cardShop{Shop: shop, gateway: &gateway{}, card: card}
	s.config = settle.Config{
		DB: s.DB, Gateway: s.gateway, Compensator: checkout.NewCompensator(s.IDs), Policy: payment.DefaultPolicy(), Holder: "test",
		Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	s.reconfigure(change...)
	return s
}

// reconfigure replaces the service by one with a changed configuration.
func (s *cardShop) reconfigure(change ...func(*settle.Config)) {
	for _, f := range change {
		f(&s.config)
	}
	s.service = settle.New(s.config)
	s.Checkout = checkout.New(s.DB, s.IDs, s.config.Clock, payment.DefaultPolicy(), checkout.WithPayments(s.service), checkout.WithCharger(deadProcess{}))
}

// withClock sets the clock of a cardShop.
func withClock(c clock.Clock) func(*settle.Config) {
	return func(config *settle.Config) { config.Clock = c }
}

// deadProcess is the checkout.Charger of a process that dies before it has requested
// anything. The tests request payments by themselves.
type deadProcess struct{}

func (deadProcess) ReserveSlot() error { return nil }

func (deadProcess) ReleaseSlot() {}

func (deadProcess) Charge(context.Context, payment.Payment, payment.CardDetails) {}

func (deadProcess) ChargeIfCommitted(context.Context, payment.Payment, payment.CardDetails) {}

// buy places an order that points pay in part and a card for the rest.
func (s *cardShop) buy(t *testing.T, customer id.ID, points money.Won, lines ...order.Want) order.Order {
	t.Helper()
	o, err := s.Checkout.Place(t.Context(), checkout.Request{UserID: customer, Lines: lines, Points: &points, Card: &s.card}, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// callbackOf returns the callback of the gateway about a charge.
func callbackOf(c payment.Charge) payment.Callback {
	return payment.Callback{OrderID: c.OrderID.String(), Key: c.Key, Amount: c.Amount}
}

// now returns the current state of an order.
func (s *cardShop) now(t *testing.T, o order.Order) order.Order {
	t.Helper()
	kept, err := s.Checkout.Get(t.Context(), o.UserID, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// request requests the payment of an order once, and returns the new charge.
func (s *cardShop) request(t *testing.T, o order.Order) payment.Charge {
	t.Helper()
	if err := s.service.TryCharge(t.Context(), *o.Payment, s.card); err != nil {
		t.Fatal(err)
	}
	all := s.gateway.all()
	return all[len(all)-1]
}

// verify fails the test if the audit finds a difference that is not about events: no relay
// runs here.
func (s *cardShop) verify(t *testing.T) {
	t.Helper()
	results, err := verify.New(s.DB).Once(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Truth <= 5 && !r.Right() {
			t.Errorf("%s: %+v", r.Check, r.Differences)
		}
	}
}

// agrees fails the test if the shop and the gateway have different charges.
func (s *cardShop) agrees(t *testing.T) {
	t.Helper()
	r, err := verify.New(s.DB).AtGateway(t.Context(), s.gateway, 0, func(int64) {})
	if err != nil || !r.Right() {
		t.Errorf("shop and gateway: %+v, %v", r.Differences, err)
	}
}

func TestAnOrderIsPaidByPointsAndCard(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 300)
		o := s.buy(t, kim, 200, order.Want{ProductID: mug, Quantity: 2})
		if o.Status() != order.Pending || o.Points != 200 || o.Card != 1800 || o.Payment.Status != payment.Pending {
			t.Fatalf("placed: %+v", o)
		}
		c := s.request(t, o)
		if c.Amount != 1800 || c.OrderID != o.ID {
			t.Errorf("the gateway was asked for %+v", c)
		}
		if o = s.now(t, o); o.Status() != order.Pending {
			t.Errorf("accepted is not approved, but the order is %s", o.Status())
		}
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		c.Status = payment.ChargeSucceeded
		if result, err := s.service.Callback(t.Context(), callbackOf(c)); result != settle.CallbackSettled || err != nil {
			t.Errorf("Callback = %v, %v", result, err)
		}
		o = s.now(t, o)
		if o.Status() != order.Paid || o.Payment.Status != payment.Approved || o.Payment.Key != c.Key {
			t.Errorf("paid: %s, %+v", o.Status(), o.Payment)
		}
		if left, balance := s.Stock(t, mug), s.Balance(t, kim); left != 3 || balance != 100 {
			t.Errorf("%d mugs and %d won are left, want 3 and 100", left, balance)
		}
		s.expectEvents(t, o, "order.placed", "payment.requested", "payment.approved", "order.paid")
		if result, err := s.service.Callback(t.Context(), callbackOf(c)); result != settle.CallbackRepeated || err != nil {
			t.Errorf("again: %v, %v", result, err)
		}
		s.verify(t)
	})
}

// expectEvents fails the test unless exactly these events of an order are in the
// outbox, in this order.
func (s *cardShop) expectEvents(t *testing.T, o order.Order, want ...string) {
	t.Helper()
	var got []string
	for _, p := range s.Outbox(t) {
		if p.Envelope.Key == o.ID.String() {
			got = append(got, p.Envelope.Type)
		}
	}
	if len(got) != len(want) {
		t.Errorf("events: %v, want %v", got, want)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("events: %v, want %v", got, want)
			return
		}
	}
}

func TestADeclinedCardGivesEverythingBackOnce(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 300)
		o := s.buy(t, kim, 200, order.Want{ProductID: mug, Quantity: 2})
		c := s.request(t, o)
		s.gateway.decide(c.Key, payment.ChargeFailed)
		errs := shoptest.AtOnce(16, func(i int) error { // callbacks and recovery at once
			if i%2 == 0 {
				_, err := s.service.Settle(t.Context(), o.ID)
				return err
			}
			_, err := s.service.Callback(t.Context(), callbackOf(c))
			return err
		})
		for _, err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		o = s.now(t, o)
		if o.Status() != order.Failed || o.Payment.Status != payment.Declined || o.Payment.Reason != "the limit is exceeded" {
			t.Errorf("declined: %s, %+v", o.Status(), o.Payment)
		}
		if left, balance := s.Stock(t, mug), s.Balance(t, kim); left != 5 || balance != 300 {
			t.Errorf("%d mugs and %d won, want 5 and 300", left, balance)
		}
		s.expectEvents(t, o, "order.placed", "payment.requested", "payment.declined", "order.failed")
		s.verify(t)
	})
}

func TestAPaymentThatTheGatewayRefusesFails(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		s.gateway.next = refused
		if err := s.service.TryCharge(t.Context(), *o.Payment, s.card); err != nil {
			t.Fatal(err)
		}
		if o = s.now(t, o); o.Status() != order.Failed || o.Payment.Reason != "the payment gateway did not take the card" || s.Stock(t, mug) != 5 {
			t.Errorf("refused: %s, %+v", o.Status(), o.Payment)
		}
		seen, err := s.service.Details(t.Context(), o.ID)
		if err != nil || !slices.ContainsFunc(seen.History, func(n payment.Entry) bool { return n.Action == payment.ActionRefused && n.Detail == "no such card" }) {
			t.Errorf("what the gateway said is not kept for operators: %+v, %v", seen.History, err)
		}
		s.verify(t)
	})
}

func TestNothingUncertainFailsAnOrder(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		for _, f := range []fate{notReached, undone, answerLost} {
			s.gateway.next = f
			if err := s.service.TryCharge(t.Context(), *o.Payment, s.card); err == nil {
				t.Errorf("fate %d: no error", f)
			}
			if o = s.now(t, o); o.Status() != order.Pending {
				t.Errorf("fate %d: the order is %s", f, o.Status())
			}
		}
		// The answer was lost, but a question by order id finds the charge.
		s.gateway.decide("TR:1", payment.ChargeSucceeded)
		if _, err := s.service.Settle(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		if o = s.now(t, o); o.Status() != order.Paid || o.Payment.Key != "TR:1" {
			t.Errorf("the order is %s, paid by %s", o.Status(), o.Payment.Key)
		}
		s.verify(t)
	})
}

func TestWithoutAnAnswerOfTheGatewayNothingChanges(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		s.gateway.away = true
		if _, err := s.service.Callback(t.Context(), callbackOf(c)); !isGateway(err) {
			t.Errorf("Callback = %v, want ErrGateway: the callback was not processed", err)
		}
		if o = s.now(t, o); o.Status() != order.Pending {
			t.Errorf("the order is %s", o.Status())
		}
	})
}
