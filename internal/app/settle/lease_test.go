package settle_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// Two processes on one database: one looks after the payments that are due, the
// other one once the first has not been heard of for a while.
func TestOneProcessAtATimeLooksAfterPayments(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		now := time.Now()
		clock := func() time.Time { return now }
		s, t := newCardShop(shop, withClock(clock)), shop.T
		config := s.config
		config.Holder = "another"
		another := settle.New(config)
		finds := func(d *settle.Service, want int) {
			t.Helper()
			if n, err := d.Round(t.Context()); n != want || err != nil {
				t.Errorf("a round finds %d, %v; want %d", n, err, want)
			}
		}
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		now = now.Add(settle.LeaseTime - time.Second)
		s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1}) // due that much later
		now = now.Add(payment.DefaultPolicy().Interval - settle.LeaseTime + time.Second)
		finds(s.service, 1)
		now = now.Add(settle.LeaseTime - time.Second)
		finds(another, 0) // the second is due, and not to be looked after by this one
		now = now.Add(time.Second)
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
