package settle_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func TestPaymentsAreListedWithTheirDueRefunds(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 50), s.Customer(t, 0)
		var all []id.ID // newest first
		for i := range 5 {
			o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
			all = append([]id.ID{o.Payment.ID}, all...)
			if i%2 == 1 {
				continue
			}
			c := s.request(t, o)
			s.gateway.decide(c.Key, payment.ChargeSucceeded)
			s.settled(t, o)
			if i == 4 {
				continue
			}
			if _, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "", store.Unguarded{}); err != nil {
				t.Fatal(err)
			}
		}
		want := map[id.ID]bool{all[4]: true, all[2]: true} // approved and then cancelled; the others have no refund
		seen, cursor := 0, ""
		for {
			p, err := s.service.List(t.Context(), payment.Filter{}, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range p.Items {
				if l.ID != all[seen] || l.RefundDue != want[l.ID] {
					t.Errorf("number %d: %s, refund due: %v", seen, l.Status, l.RefundDue)
				}
				seen++
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if seen != len(all) {
			t.Errorf("%d are listed, want %d", seen, len(all))
		}
		stuck, err := s.service.List(t.Context(), payment.Filter{Stuck: true}, 10, "")
		if err != nil || len(stuck.Items) != 4 {
			t.Errorf("stuck: %+v, %v", stuck.Items, err)
		}
	})
}

// The operator does not wait for the next check.
func TestRefundsAfterAManualSettlementAreDueAtOnce(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		s.request(t, o)
		w := settle.ManualSettlement{Outcome: payment.Declined, Reason: "told by phone", Actor: "ann"}
		got, err := s.service.SettleManually(t.Context(), o.ID, w, store.Unguarded{})
		if err != nil || !got.RefundDue() {
			t.Fatalf("SettleManually = %+v, %v", got, err)
		}
		if n, err := s.service.Round(t.Context()); n != 1 || err != nil {
			t.Errorf("a round of the recovery finds %d, %v", n, err)
		}
		if got := s.gateway.all()[0]; got.Status != payment.ChargeCancelled {
			t.Errorf("the charge is %+v", got)
		}
		s.verify(t)
	})
}

func TestACallerGetsAnErrorInTimeWhenTheGatewayHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCardShop(shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		s.gateway.hangs = true
		began := time.Now()
		p, err := s.service.SettleNow(t.Context(), o.ID)
		if took := time.Since(began); !isGateway(err) || p.Status != payment.Pending || took >= 10*time.Second {
			t.Errorf("SettleNow = %s, %v after %v", p.Status, err, took)
		}
		if _, err := s.service.Callback(t.Context(), callbackOf(c)); !isGateway(err) {
			t.Errorf("Callback = %v", err)
		}
	})
}

// The history of a payment that is stuck says why, in one line, not one for every check.
func TestTheHistoryRecordsThatTheGatewayDidNotAnswer(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		kim, mug := s.Customer(t, 0), s.Product(t, 1000, 5)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		s.away(t, o, 3)
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		s.away(t, o, 2) // it has ended: nothing is recorded
		if _, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		s.away(t, o, 2)
		seen, err := s.service.Details(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		var got []payment.Action
		for _, n := range seen.History {
			got = append(got, n.Action)
			if n.Action == payment.GatewayUnavailable && !strings.Contains(n.Detail, errAway.Error()) {
				t.Errorf("%s: %q", n.Action, n.Detail)
			}
		}
		want := []payment.Action{payment.ActionPlaced, payment.ActionRequested, payment.GatewayUnavailable, payment.ActionApproved, payment.ActionRefundDue, payment.GatewayUnavailable}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		s.settled(t, o)
		s.verify(t)
	})
}

// away settles a payment some times while the gateway is away.
func (s *cardShop) away(t *testing.T, o order.Order, times int) {
	t.Helper()
	s.gateway.away = true
	defer func() { s.gateway.away = false }()
	for range times {
		if _, err := s.service.Settle(t.Context(), o.ID); !errors.Is(err, settle.ErrGateway) {
			t.Errorf("Settle = %v, want ErrGateway", err)
		}
	}
}
