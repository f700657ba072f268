package settle_test

import (
	"context"
	"errors"
	"log/slog"
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

// running returns a cardShop whose service charges cards and runs the recovery, with
// the time of a synctest bubble.
func running(t *testing.T, change ...func(*settle.Config)) (s *cardShop, stop func()) {
	t.Helper()
	s = newCardShop(shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})), change...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- s.service.Run(ctx) }()
	go func() { done <- s.service.Recover(ctx) }()
	return s, func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}

// sell places a card order and has the card charged by Run.
func (s *cardShop) sell(t *testing.T) order.Order {
	t.Helper()
	o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
	if err := s.service.ReserveSlot(); err != nil {
		t.Fatal(err)
	}
	s.service.Charge(t.Context(), *o.Payment, s.card)
	return o
}

func TestAPaymentIsRequestedUntilTheGatewayIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t)
		defer stop()
		s.gateway.away = true
		o := s.sell(t)
		time.Sleep(5 * time.Minute)
		s.gateway.mu.Lock()
		s.gateway.away = false
		s.gateway.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(s.gateway.all()); n != 1 {
			t.Fatalf("%d charges, want 1", n)
		}
		s.gateway.decide("TR:1", payment.ChargeSucceeded)
		time.Sleep(payment.DefaultPolicy().Interval + time.Second) // no callback arrives
		synctest.Wait()
		if o = s.now(t, o); o.Status() != order.Paid {
			t.Errorf("the order is %s", o.Status())
		}
	})
}

func TestAPaymentThatCannotBeRequestedExpiresInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t)
		defer stop()
		s.gateway.away = true
		o := s.sell(t)
		time.Sleep(payment.DefaultPolicy().Expiry - time.Second)
		if got := s.now(t, o).Status(); got != order.Pending {
			t.Errorf("a second early: %s", got)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if o = s.now(t, o); o.Status() != order.Expired || o.Payment.Status != payment.Declined {
			t.Errorf("the order is %s, its payment %s", o.Status(), o.Payment.Status)
		}
		s.verify(t)
	})
}

// readOnly is a database that cannot write for a while.
type readOnly struct {
	store.DB
	failing atomic.Bool
}

var errDisk = errors.New("the disk is full")

func (f *readOnly) Update(ctx context.Context, fn func(store.Tx) error) error {
	if f.failing.Load() {
		return errDisk
	}
	return f.DB.Update(ctx, fn)
}

// The gateway of this test ignores idempotency keys: each request makes a charge.
func TestAnAnswerThatCannotBeWrittenIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &readOnly{}
		s, stop := running(t, func(c *settle.Config) { disk.DB = c.DB; c.DB = disk })
		defer stop()
		disk.failing.Store(true)
		o := s.sell(t)
		time.Sleep(time.Minute)
		disk.failing.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(s.gateway.all()); n != 1 {
			t.Errorf("%d charges, want 1", n)
		}
		seen, err := s.service.Details(t.Context(), o.ID)
		if err != nil || len(seen.Charges) != 1 {
			t.Errorf("known: %+v, %v", seen.Charges, err)
		}
	})
}

func TestChargesThatAreQueuedBeforeTheStopAreRequested(t *testing.T) {
	t.Parallel()
	s := newCardShop(shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
	const orders = 10
	for range orders {
		s.sell(t)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.service.Run(ended); err != nil {
		t.Fatal(err)
	}
	if n := len(s.gateway.all()); n != orders {
		t.Errorf("%d charges, want %d", n, orders)
	}
}

// uncommitted is a database that has not committed the order yet.
type uncommitted struct {
	store.DB
	hidden atomic.Bool
}

func (d *uncommitted) View(ctx context.Context, fn func(store.Tx) error) error {
	if d.hidden.Load() {
		return payment.ErrNotFound
	}
	return d.DB.View(ctx, fn)
}

// The process has given up waiting for the COMMIT, and the database completes it.
func TestAPaymentThatIsCommittedLateIsRequested(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &uncommitted{}
		s, stop := running(t, func(c *settle.Config) { db.DB = c.DB; c.DB = db })
		defer stop()
		if err := s.service.ReserveSlot(); err != nil {
			t.Fatal(err)
		}
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		db.hidden.Store(true)
		s.service.ChargeIfCommitted(t.Context(), *o.Payment, s.card)
		time.Sleep(20 * time.Second)
		db.hidden.Store(false)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := len(s.gateway.all()); n != 1 {
			t.Errorf("%d charges, want 1", n)
		}
	})
}

func TestAPaymentThatWasNeverCommittedIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t)
		defer stop()
		if err := s.service.ReserveSlot(); err != nil {
			t.Fatal(err)
		}
		s.service.ChargeIfCommitted(t.Context(), payment.Payment{ID: s.IDs(), OrderID: s.IDs(), UserID: s.IDs()}, s.card)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		n := 0
		for s.service.ReserveSlot() == nil {
			n++
		}
		if n != settle.MaxSlots || len(s.gateway.all()) > 0 {
			t.Errorf("%d slots are free, want %d; %d charges", n, settle.MaxSlots, len(s.gateway.all()))
		}
	})
}

func TestASlotThatIsReleasedIsFree(t *testing.T) {
	t.Parallel()
	service := settle.New(settle.Config{Log: slog.New(slog.DiscardHandler)})
	for range settle.MaxSlots {
		if err := service.ReserveSlot(); err != nil {
			t.Fatal(err)
		}
	}
	if err := service.ReserveSlot(); !errors.Is(err, settle.ErrBusy) {
		t.Errorf("without a free slot: %v, want ErrBusy", err)
	}
	service.ReleaseSlot()
	if err := service.ReserveSlot(); err != nil {
		t.Errorf("after one was released: %v", err)
	}
}

// Without a gateway nothing would take the jobs from the queue.
func TestWithoutAGatewayNothingIsExpedited(t *testing.T) {
	t.Parallel()
	service := settle.New(settle.Config{Log: slog.New(slog.DiscardHandler)})
	for range 2 * settle.MaxConcurrent {
		service.ExpediteRefunds(t.Context(), payment.Payment{})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := service.Run(ended); err != nil { // a job would call the nil gateway
		t.Error(err)
	}
}

// The gateway was away for a moment, just before the program had to stop.
func TestAProgramThatStopsRepeatsItsRequestsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t)
		s.gateway.away = true
		s.sell(t)
		synctest.Wait()
		s.gateway.away = false
		began := time.Now()
		stop()
		if n := len(s.gateway.all()); n != 1 {
			t.Errorf("the gateway has %d charges, want 1", n)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	})
}

// It waits for a limited time.
func TestAProgramStopsThoughTheGatewayIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t)
		s.gateway.away = true
		s.sell(t)
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	})
}

// buggy is a gateway whose first calls panic.
type buggy struct {
	*gateway
	requests, finds atomic.Int64
}

func (g *buggy) Request(ctx context.Context, r payment.ChargeRequest) payment.Reply {
	if g.requests.Add(1) == 1 {
		panic("a bug")
	}
	return g.gateway.Request(ctx, r)
}

func (g *buggy) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	if g.finds.Add(1) == 1 {
		panic("a bug")
	}
	return g.gateway.Find(ctx, user, orderID)
}

// The payment that has met the bug is looked after, and the next one is charged.
func TestAPanicWithOnePaymentStopsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g *buggy
		s, stop := running(t, func(c *settle.Config) {
			own, _ := c.Gateway.(*gateway)
			g = &buggy{gateway: own}
			c.Gateway = g
		})
		defer stop()
		o := s.sell(t)
		synctest.Wait()
		s.sell(t)
		synctest.Wait()
		if n := len(s.gateway.all()); n != 1 {
			t.Errorf("%d charges, want that of the second payment", n)
		}
		time.Sleep(time.Hour)
		if seen, err := s.service.Details(t.Context(), o.ID); err != nil || seen.Payment.Status == payment.Pending {
			t.Errorf("after %d looks, the first payment is %+v, %v", g.finds.Load(), seen.Payment, err)
		}
	})
}
