package settle_test

import (
	"context"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// locking is a gateway that locks the order before it answers. A caller that holds this
// lock, or on SQLite any write transaction, would wait for itself.
type locking struct {
	*gateway
	t     *testing.T
	db    store.DB
	order id.ID
	calls map[string]int
}

func (g *locking) lock(call string) {
	g.t.Helper()
	g.calls[call]++
	ctx, cancel := context.WithTimeout(g.t.Context(), 5*time.Second)
	defer cancel()
	err := g.db.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Orders.Lock(ctx, g.order)
		return err
	})
	if err != nil {
		g.t.Errorf("%s is called under a lock: %v", call, err)
	}
}

// Request implements settle.Gateway.
func (g *locking) Request(ctx context.Context, r payment.ChargeRequest) payment.Reply {
	g.lock("Request")
	return g.gateway.Request(ctx, r)
}

// Find implements settle.Gateway.
func (g *locking) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	g.lock("Find")
	return g.gateway.Find(ctx, user, orderID)
}

// Cancel implements settle.Gateway.
func (g *locking) Cancel(ctx context.Context, user, orderID id.ID, key string) (payment.Charge, error) {
	g.lock("Cancel")
	return g.gateway.Cancel(ctx, user, orderID, key)
}

func TestNothingIsLockedDuringACallOfTheGateway(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		g := &locking{s.gateway, t, s.DB, o.ID, map[string]int{}}
		s.reconfigure(func(c *settle.Config) { c.Gateway = g })
		charge := s.request(t, o)
		s.gateway.decide(charge.Key, payment.ChargeSucceeded)
		if result, err := s.service.Callback(t.Context(), callbackOf(charge)); result != settle.CallbackSettled || err != nil {
			t.Errorf("Callback = %v, %v", result, err)
		}
		if _, err := s.Checkout.Cancel(t.Context(), o.UserID, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		if n, err := s.service.Round(t.Context()); n != 1 || err != nil { // the refund is due
			t.Errorf("Round = %d, %v", n, err)
		}
		if g.calls["Request"] != 1 || g.calls["Find"] != 2 || g.calls["Cancel"] != 1 {
			t.Errorf("calls: %v", g.calls)
		}
	})
}
