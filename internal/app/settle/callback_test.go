package settle_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// asked counts the calls of a gateway.
type asked struct {
	*gateway
	finds atomic.Int64
}

// Find implements settle.Gateway.
func (g *asked) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	g.finds.Add(1)
	return g.gateway.Find(ctx, user, orderID)
}

// countFinds returns an option of newCardShop, and where the calls are counted.
func countFinds() (func(*settle.Config), *asked) {
	g := &asked{}
	return func(c *settle.Config) {
		g.gateway = c.Gateway.(*gateway) //nolint:forcetypeassert,errcheck // see newCardShop
		c.Gateway = g
	}, g
}

// end ends the payment of an order in some way.
var ends = map[string]func(t *testing.T, s *cardShop, o order.Order, c payment.Charge){
	"paid": func(t *testing.T, s *cardShop, o order.Order, c payment.Charge) {
		t.Helper()
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
	},
	"declined": func(t *testing.T, s *cardShop, o order.Order, c payment.Charge) {
		t.Helper()
		s.gateway.decide(c.Key, payment.ChargeFailed)
		s.settled(t, o)
	},
	"cancelled after it was paid": func(t *testing.T, s *cardShop, o order.Order, c payment.Charge) {
		t.Helper()
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		if _, err := s.Checkout.Cancel(t.Context(), o.UserID, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		s.settled(t, o)
	},
}

func TestCallbacksAboutAPaymentThatHasEndedDoNotReachTheGateway(t *testing.T) {
	t.Parallel()
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
				now := time.Now()
				counted, gateway := countFinds()
				s, t := newCardShop(shop, withClock(func() time.Time { return now }), counted), shop.T
				o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
				c := s.request(t, o)
				end(t, s, o, c)
				before := gateway.finds.Load()
				for range 50 {
					if result, err := s.service.Callback(t.Context(), callbackOf(c)); result != settle.CallbackRepeated || err != nil {
						t.Fatalf("a replay: %v, %v", result, err)
					}
				}
				if n := gateway.finds.Load() - before; n != 0 {
					t.Errorf("replays asked the gateway %d times", n)
				}
				s.forge(t, c)
				if n := gateway.finds.Load() - before; n > 1 {
					t.Errorf("forged callbacks asked the gateway %d times within a moment", n)
				}
				now = now.Add(time.Minute)
				s.forge(t, c)
				if n := gateway.finds.Load() - before; n > 2 {
					t.Errorf("forged callbacks asked the gateway %d times", n)
				}
			})
		})
	}
}

// forge sends callbacks of transactions that do not exist.
func (s *cardShop) forge(t *testing.T, c payment.Charge) {
	t.Helper()
	for i := range 50 {
		c.Key = fmt.Sprintf("TR:forged-%d", i)
		if _, err := s.service.Callback(t.Context(), callbackOf(c)); !errors.Is(err, settle.ErrUnknownCharge) {
			t.Fatalf("a forged one: %v", err)
		}
	}
}

// The gateway charged the card a second time, and the shop has never heard of it.
func TestAnUnknownChargeOfAPaymentThatHasEndedIsRefundedWhenItIsReported(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		c := s.request(t, o)
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		again := s.gateway.Request(t.Context(), payment.ChargeRequest{OrderID: o.ID, Amount: c.Amount}).Charge
		s.gateway.decide(again.Key, payment.ChargeSucceeded)
		again.Amount = c.Amount
		if result, err := s.service.Callback(t.Context(), callbackOf(again)); result != settle.CallbackRepeated || err != nil {
			t.Errorf("Callback = %v, %v", result, err)
		}
		if kept := s.gateway.kept(o.ID); kept != 1000 {
			t.Errorf("the gateway has kept %d won", kept)
		}
		s.verify(t)
	})
}
