package settle_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// sluggish is a gateway that hangs on every sixteenth Find.
type sluggish struct {
	*gateway
	finds atomic.Int64
}

// Find implements settle.Gateway.
func (g *sluggish) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	if g.finds.Add(1)%16 == 0 {
		<-ctx.Done()
		return nil, errors.New("it hangs")
	}
	time.Sleep(200 * time.Millisecond)
	return g.gateway.Find(ctx, user, orderID)
}

// Many processes died before they requested their payments.
func TestAPaymentThatTheGatewayHangsOnDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t, func(c *settle.Config) {
			c.Gateway = &sluggish{gateway: c.Gateway.(*gateway)} //nolint:forcetypeassert,errcheck // see newCardShop
		})
		defer stop()
		const orders = 300
		ann, mug := s.Customer(t, 0), s.Product(t, 1000, orders)
		all := make([]order.Order, orders)
		for i := range all {
			all[i] = s.buy(t, ann, 0, order.Want{ProductID: mug, Quantity: 1})
		}
		time.Sleep(payment.DefaultPolicy().Expiry + 20*time.Second)
		synctest.Wait()
		for _, o := range all {
			if o = s.now(t, o); o.Status() != order.Expired {
				t.Fatalf("an order is %s", o.Status())
			}
		}
	})
}

// counting is a slow gateway that counts the calls of Find at once.
type counting struct {
	*gateway
	now, most atomic.Int64
}

// Find implements settle.Gateway.
func (g *counting) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	g.most.Store(max(g.most.Load(), g.now.Add(1)))
	defer g.now.Add(-1)
	time.Sleep(time.Second)
	return g.gateway.Find(ctx, user, orderID)
}

func TestManyCancellationsAreRefundedAFewAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slow *counting
		s, stop := running(t, func(c *settle.Config) {
			slow = &counting{gateway: c.Gateway.(*gateway)} //nolint:forcetypeassert,errcheck // see newCardShop
			c.Gateway = slow
		})
		defer stop()
		const orders = settle.MaxConcurrent + 16
		all := make([]order.Order, orders)
		for i := range all {
			all[i] = s.sell(t)
		}
		synctest.Wait()
		for _, key := range s.gateway.open() {
			s.gateway.decide(key, payment.ChargeSucceeded)
		}
		time.Sleep(time.Minute)
		slow.most.Store(0)
		for _, o := range all {
			if _, err := s.Checkout.Cancel(t.Context(), o.UserID, o.ID, "", store.Unguarded{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if most := slow.most.Load(); most > settle.MaxConcurrent {
			t.Errorf("%d calls at once, want at most %d", most, settle.MaxConcurrent)
		}
		for _, o := range all {
			if kept := s.gateway.kept(o.ID); kept != 0 {
				t.Fatalf("the gateway has kept %d won of an order", kept)
			}
		}
	})
}
