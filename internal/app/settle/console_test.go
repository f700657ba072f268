package settle_test

import (
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// paid returns an order that points and a card have paid, and its charge.
func (s *cardShop) paid(t *testing.T) (order.Order, payment.Charge) {
	t.Helper()
	o := s.buy(t, s.Customer(t, 300), 200, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 2})
	c := s.request(t, o)
	s.gateway.decide(c.Key, payment.ChargeSucceeded)
	s.settled(t, o)
	return s.now(t, o), c
}

// inConsole refunds a charge in the gateway's console.
func (s *cardShop) inConsole() {
	s.gateway.change(0, func(c *payment.Charge) { c.Status = payment.ChargeCancelled })
}

// unbalanced returns the subjects of the differences from the gateway.
func (s *cardShop) unbalanced(t *testing.T) (what []string) {
	t.Helper()
	r, err := verify.New(s.DB).AtGateway(t.Context(), s.gateway, 0, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.Differences {
		what = append(what, d.What)
	}
	return what
}

// attention returns the orders that an operator has to end.
func (s *cardShop) attention(t *testing.T) (n int) {
	t.Helper()
	p, err := s.service.List(t.Context(), payment.Filter{Stuck: true}, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range p.Items {
		if l.AttentionAt != nil {
			n++
		}
	}
	return n
}

// Both ways to end the order, on both engines.
func TestARefundInTheConsoleIsShownAndNeverMadeAgain(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]func(*cardShop, order.Order) (order.Order, error){
		"its customer cancels": func(s *cardShop, o order.Order) (order.Order, error) {
			return s.Checkout.Cancel(s.T.Context(), o.UserID, o.ID, "", store.Unguarded{})
		},
		"an operator cancels": func(s *cardShop, o order.Order) (order.Order, error) {
			return s.Checkout.CancelByOperator(s.T.Context(), o.ID, checkout.Operator{Name: "ann", Reason: "ticket 7"}, store.Unguarded{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
				s, t := newCardShop(shop), shop.T
				o, _ := s.paid(t)
				s.inConsole()
				if got := s.unbalanced(t); len(got) != 1 {
					t.Errorf("before the shop knows: %q", got)
				}
				for range 2 {
					s.settled(t, o)
				}
				o = s.now(t, o)
				if o.Status() != order.Paid || o.Payment.Status != payment.Refunded || o.Payment.AttentionAt == nil || s.attention(t) != 1 {
					t.Errorf("the order is %s, its payment %+v; %d need an operator", o.Status(), o.Payment, s.attention(t))
				}
				if got := s.unbalanced(t); len(got) != 1 || s.service.Ended().RefundedAtGateway != 1 {
					t.Errorf("before its end: %q", got)
				}
				o, err := cancel(s, o)
				if err != nil || o.Payment.AttentionAt != nil {
					t.Fatalf("%v, %+v", err, o.Payment)
				}
				s.settled(t, o)
				left := []money.Won{money.Won(s.Stock(t, o.Lines[0].ProductID)), s.Balance(t, o.UserID)}
				if o = s.now(t, o); o.Status() != order.Cancelled || !slices.Equal(left, []money.Won{5, 300}) || s.gateway.cancels != 0 || s.attention(t) != 0 {
					t.Errorf("%s: %v are left, %d refunds asked for, %d need an operator", o.Status(), left, s.gateway.cancels, s.attention(t))
				}
				s.expectEvents(t, o, "order.placed", "payment.requested", "payment.approved", "order.paid", "payment.refunded", "order.cancelled")
				s.verify(t)
				s.agrees(t)
			})
		})
	}
}

func TestTheRecoveryFindsARefundInTheConsole(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		now := time.Now()
		s, t := newCardShop(shop, withClock(func() time.Time { return now })), shop.T
		for _, age := range []time.Duration{0, time.Minute, 20 * time.Hour, 6 * 24 * time.Hour} {
			o, c := s.paid(t)
			approved, checks := now, 0
			for now = *o.Payment.DueAt; now.Sub(approved) <= age; now = *s.now(t, o).Payment.DueAt {
				s.round(t)
				checks++
			}
			s.gateway.change(len(s.gateway.charges)-1, func(c *payment.Charge) { c.Status = payment.ChargeCancelled })
			s.round(t)
			if is := s.now(t, o).Payment; is.Status != payment.Refunded || is.AttentionAt == nil || is.Key != c.Key {
				t.Errorf("refunded %v after its approval, the payment is %+v after %v", age, is, now.Sub(approved))
			}
			if checks > 16 {
				t.Errorf("%d checks within %v", checks, age)
			}
		}
	})
}

// round is a round of the recovery.
func (s *cardShop) round(t *testing.T) {
	t.Helper()
	if n, err := s.service.Round(t.Context()); n == 0 || err != nil {
		t.Errorf("%d payments were checked: %v", n, err)
	}
}

// Only an answer that names the charge as cancelled is believed.
func TestNothingIsConcludedFromAGatewayThatDoesNotName(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		o, c := s.paid(t)
		s.gateway.away = true
		if _, err := s.service.Settle(t.Context(), o.ID); !isGateway(err) {
			t.Errorf("a gateway that is away: %v", err)
		}
		s.gateway.away = false
		for name, change := range map[string]func(*payment.Charge){
			"it has none":              func(c *payment.Charge) { c.OrderID = s.IDs() },
			"another one is cancelled": func(c *payment.Charge) { c.OrderID, c.Key, c.Status = o.ID, "TR:2", payment.ChargeCancelled },
			"it failed":                func(c *payment.Charge) { c.OrderID, c.Key, c.Status = o.ID, "TR:1", payment.ChargeFailed },
			"it is pending":            func(c *payment.Charge) { c.OrderID, c.Key, c.Status = o.ID, "TR:1", payment.ChargePending },
		} {
			s.gateway.change(0, change)
			s.settled(t, o)
			if is := s.now(t, o).Payment; is.Status != payment.Approved || is.Key != c.Key || is.AttentionAt != nil {
				t.Errorf("%s: %+v", name, is)
			}
		}
	})
}

// The order is cancelled before the shop knows of the refund: its own refund is due.
func TestARefundInTheConsoleEndsOneThatIsDue(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		o, _ := s.paid(t)
		s.inConsole()
		if _, err := s.Checkout.Cancel(t.Context(), o.UserID, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.settled(t, o)
		}
		if o = s.now(t, o); o.Payment.Status != payment.Refunded || s.gateway.cancels != 0 || s.attention(t) != 0 {
			t.Errorf("the payment is %+v; %d refunds asked for", o.Payment, s.gateway.cancels)
		}
		s.expectEvents(t, o, "order.placed", "payment.requested", "payment.approved", "order.paid", "order.cancelled", "payment.refunded")
		s.verify(t)
		s.agrees(t)
	})
}

// The callback is only a reason to ask: a forged one changes nothing.
func TestACallbackAboutACancelledChargeIsAReasonToAsk(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop, withClock(time.Now)), shop.T
		o, c := s.paid(t)
		hint := callbackOf(c)
		hint.Cancelled = true
		if _, err := s.service.Callback(t.Context(), hint); err != nil {
			t.Error(err)
		}
		if is := s.now(t, o).Payment.Status; is != payment.Approved {
			t.Errorf("after a forged one the payment is %s", is)
		}
		s.inConsole()
		s.reconfigure() // the bound of such questions is one a second
		if _, err := s.service.Callback(t.Context(), hint); err != nil {
			t.Error(err)
		}
		if is := s.now(t, o).Payment.Status; is != payment.Refunded {
			t.Errorf("the payment is %s", is)
		}
	})
}
