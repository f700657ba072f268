package settle_test

import (
	"context"
	"sync/atomic"
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

// Two processes use one database: one looks after the payments that are due, and
// the other one takes over when the lease of the first has run out.
func TestOneProcessAtATimeLooksAfterPayments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCardShop(shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
		config := s.config
		config.Holder = "another"
		another := settle.New(config)
		finds := func(d *settle.Service, want int) {
			t.Helper()
			if n, err := d.Round(t.Context()); n != want || err != nil {
				t.Errorf("a round of %p finds %d, %v; want %d", d, n, err, want)
			}
		}
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		time.Sleep(store.LeaseTTL - time.Second)
		s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1}) // due that much later
		time.Sleep(payment.DefaultPolicy().Interval - store.LeaseTTL + time.Second)
		finds(s.service, 1)
		time.Sleep(store.LeaseTTL - time.Second)
		finds(another, 0) // the second payment is due, but the lease is the first process's
		time.Sleep(time.Second)
		finds(another, 1)
		finds(s.service, 0)
	})
}

func TestAProcessThatStopsHandsTheRecoveryOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t)
		config := s.config
		config.Holder = "another"
		s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		time.Sleep(payment.DefaultPolicy().Interval - time.Second)
		stop()
		time.Sleep(time.Second) // due, and the lease would not have run out
		if n, err := settle.New(config).Round(t.Context()); n != 1 || err != nil {
			t.Errorf("a round finds %d, %v; want 1", n, err)
		}
	})
}

// broken is a gateway that answers nobody: it fails at once, or hangs past every
// deadline until it is released.
type broken struct {
	*gateway
	release chan struct{} // nil if it fails at once
}

// Find implements settle.Gateway.
func (g *broken) Find(context.Context, id.ID, id.ID) ([]payment.Charge, error) {
	if g.release != nil {
		<-g.release
	}
	return nil, errAway
}

// The holder of the lease hangs on a payment, or its gateway is away. The gateway
// answers another process.
func TestAProcessThatCannotLookAfterPaymentsLosesTheRecovery(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]bool{"it fails": false, "it hangs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var well settle.Config
				away := &broken{}
				if hangs {
					away.release = make(chan struct{})
				}
				s, stop := running(t, func(c *settle.Config) {
					well = *c
					away.gateway = c.Gateway.(*gateway) //nolint:forcetypeassert,errcheck // see opened
					c.Gateway = away
				})
				defer stop()
				if hangs {
					defer close(away.release)
				}
				synctest.Wait() // it has the lease
				well.Holder = "another"
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go settle.New(well).Recover(ctx) //nolint:errcheck // it returns nil
				o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
				s.request(t, o)
				s.gateway.change(0, func(c *payment.Charge) { c.Status = payment.ChargeSucceeded })
				time.Sleep(2*payment.DefaultPolicy().Interval + 30*time.Second) // it is looked at twice
				synctest.Wait()
				if is := s.now(t, o).Status(); is != order.Paid {
					t.Errorf("the order is %s", is)
				}
			})
		})
	}
}

// unresponsive is a gateway that answers nothing, until the caller's deadline, while it is down.
type unresponsive struct {
	*gateway
	down atomic.Bool
}

// Find implements settle.Gateway.
func (g *unresponsive) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	if g.down.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return g.gateway.Find(ctx, user, orderID)
}

// While the gateway hangs, the lease runs out again and again between the read of the payments that are due and their
// checks. Each slot that a check would have had must be released then.
func TestTheRecoveryIsWellAgainAfterTheGatewayHasHungForAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g *unresponsive
		s, stop := running(t, func(c *settle.Config) {
			g = &unresponsive{gateway: c.Gateway.(*gateway)} //nolint:forcetypeassert,errcheck // see newCardShop
			c.Gateway = g
		})
		defer stop()
		g.down.Store(true)
		kim, mug := s.Customer(t, 0), s.Product(t, 1000, 200)
		for range 150 {
			s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		}
		time.Sleep(time.Hour)
		g.down.Store(false)
		time.Sleep(10 * time.Minute)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		time.Sleep(payment.DefaultPolicy().Expiry + time.Minute)
		synctest.Wait()
		if is := s.now(t, o).Status(); is != order.Expired {
			t.Errorf("the gateway is well again, and an order that nobody paid is %s", is)
		}
	})
}
