package settle_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// overtaken is a gateway that calls meanwhile before the first Find returns.
type overtaken struct {
	*gateway
	meanwhile func()
}

// Find implements settle.Gateway.
func (g *overtaken) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	found, err := g.gateway.Find(ctx, user, orderID)
	if first := g.meanwhile; first != nil {
		g.meanwhile = nil
		first()
	}
	return found, err
}

// A payment expires just as its card is charged. One process learned that the charge is
// pending, another one that it succeeded. The one that writes first decides, and the
// gateway keeps what the shop has written.
func TestALateChargeThatPaidMeanwhileIsNotVoided(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		now := time.Now()
		clock := func() time.Time { return now }
		s, t := newCardShop(shop, withClock(clock)), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		c := s.request(t, o)
		now = now.Add(payment.DefaultPolicy().Expiry)

		other := s.config
		other.Gateway = &overtaken{s.gateway, func() {
			s.gateway.decide(c.Key, payment.ChargeSucceeded)
			if result, err := s.service.Callback(t.Context(), callbackOf(c)); result != settle.CallbackSettled || err != nil {
				t.Errorf("Callback = %v, %v", result, err)
			}
		}}
		if _, err := settle.New(other).Settle(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		if kept := s.gateway.kept(o.ID); s.now(t, o).Status() != order.Paid || kept != 1000 {
			t.Errorf("the order is %s, and the gateway has kept %d won", s.now(t, o).Status(), kept)
		}
		s.verify(t)
	})
}

func TestAPendingChargeIsVoidedWhenThePaymentExpires(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		now := time.Now()
		clock := func() time.Time { return now }
		s, t := newCardShop(shop, withClock(clock)), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		s.request(t, o)
		now = now.Add(payment.DefaultPolicy().Expiry)
		s.settled(t, o)
		if got := s.gateway.all()[0].Status; s.now(t, o).Status() != order.Expired || got != payment.ChargeCancelled {
			t.Errorf("the order is %s, its charge %s", s.now(t, o).Status(), got)
		}
		s.verify(t)
	})
}

// A charge whose answer was lost is found however long the gateway is away: a check
// without an answer does not end the watch of a payment.
func TestTheWatchEndsOnlyWithAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCardShop(shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		s.gateway.next = answerLost
		_ = s.service.TryCharge(t.Context(), *o.Payment, s.card)
		s.gateway.decide("TR:1", payment.ChargeSucceeded)
		s.gateway.away = true
		look := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(payment.DefaultPolicy().Interval) {
				_, _ = s.service.Round(t.Context())
			}
		}
		look(4 * payment.DefaultPolicy().Watch)
		s.gateway.away = false
		look(time.Hour)
		if kept := s.gateway.kept(o.ID); kept != 0 {
			t.Errorf("the order is %s, and the gateway has kept %d won", s.now(t, o).Status(), kept)
		}
		if p := s.now(t, o).Payment; p.Status != payment.Refunded || p.DueAt != nil {
			t.Errorf("the payment is %s, and due at %v", p.Status, p.DueAt)
		}
	})
}

// The order is cancelled during the request for its charge.
func TestAChargeForAnOrderThatWasCancelledMeanwhileIsVoidedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t, func(c *settle.Config) {
			c.Gateway = &hesitant{c.Gateway.(*gateway)} //nolint:forcetypeassert,errcheck // see newCardShop
		})
		defer stop()
		o := s.sell(t)
		time.Sleep(time.Second)
		if _, err := s.Checkout.Cancel(t.Context(), o.UserID, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if all := s.gateway.all(); len(all) != 1 || all[0].Status != payment.ChargeCancelled {
			t.Errorf("the gateway has %+v", all)
		}
	})
}

// A request that seemed lost is answered after another one has paid.
func TestASurplusChargeIsVoidedAtOnce(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		c := s.request(t, o)
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		s.request(t, o)
		if n, err := s.service.Round(t.Context()); n != 1 || err != nil {
			t.Errorf("a round of the recovery finds %d, %v", n, err)
		}
		if all := s.gateway.all(); all[0].Status != payment.ChargeSucceeded || all[1].Status != payment.ChargeCancelled {
			t.Errorf("the gateway has %+v", all)
		}
		s.verify(t)
	})
}

// hesitant is a gateway that accepts requests slowly.
type hesitant struct{ *gateway }

// Request implements settle.Gateway.
func (g *hesitant) Request(ctx context.Context, r payment.ChargeRequest) payment.Reply {
	time.Sleep(5 * time.Second)
	return g.gateway.Request(ctx, r)
}

// stubborn is a Compensator that always fails.
type stubborn struct{}

// Compensate implements settle.Compensator.
func (stubborn) Compensate(context.Context, store.Tx, order.Order, time.Time) error {
	return errors.New("there is no wallet")
}

// A whole batch of payments that cannot be settled is due before one that can.
func TestPaymentsThatCannotBeSettledDoNotBlockOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCardShop(shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})), func(c *settle.Config) { c.Compensator = stubborn{} })
		kim, mug := s.Customer(t, 0), s.Product(t, 1000, 1000)
		var last order.Order
		for i := range settle.Batch + 1 {
			time.Sleep(time.Millisecond)
			last = s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
			fate := payment.ChargeFailed
			if i == settle.Batch {
				fate = payment.ChargeSucceeded
			}
			s.gateway.decide(s.request(t, last).Key, fate)
		}
		time.Sleep(payment.DefaultPolicy().Interval)
		if _, err := s.service.Round(t.Context()); err == nil {
			t.Error("the error of the payments that cannot be settled is lost")
		}
		if _, err := s.service.Round(t.Context()); err != nil {
			t.Error(err)
		}
		if is := s.now(t, last).Status(); is != order.Paid {
			t.Errorf("the last order is %s", is)
		}
	})
}
