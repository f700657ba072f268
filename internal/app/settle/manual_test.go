package settle_test

import (
	"errors"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// unrefunded returns a cancelled order whose charge the gateway cannot refund because of
// an obstacle.
func (s *cardShop) unrefunded(t *testing.T, paid bool, obstacle func()) (order.Order, payment.Charge) {
	t.Helper()
	o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
	c := s.request(t, o)
	if paid {
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
	}
	if _, err := s.Checkout.Cancel(t.Context(), o.UserID, o.ID, "", store.Unguarded{}); err != nil {
		t.Fatal(err)
	}
	obstacle()
	if _, err := s.service.Settle(t.Context(), o.ID); !isGateway(err) {
		t.Fatalf("Settle = %v", err)
	}
	return o, c
}

// The card company refuses the refund of an old charge, and the customer was paid by
// bank transfer. Or the gateway has lost the charge.
func TestARefundThatTheGatewayWillNeverMakeIsSettledManually(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		paid     bool
		obstacle func(*cardShop)
		want     payment.Status
		events   int
	}{
		"refused":   {true, func(s *cardShop) { s.gateway.next = refused }, payment.Refunded, 1},
		"forgotten": {false, func(s *cardShop) { s.gateway.charges = nil }, payment.Declined, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
				s, t := newCardShop(shop), shop.T
				o, charge := s.unrefunded(t, c.paid, func() { c.obstacle(s) })
				w := settle.ManualSettlement{Outcome: payment.Refunded, Key: charge.Key, Reason: "repaid by bank, ticket 4711", Actor: "ann"}
				seen, err := s.service.SettleManually(t.Context(), o.ID, w, store.Unguarded{})
				if err != nil || seen.RefundDue() || seen.Payment.Status != c.want || !hasStatement(seen.History, w.Reason) {
					t.Fatalf("SettleManually = %+v, %v", seen, err)
				}
				if n := s.Promised(t, "payment.refunded"); n != c.events {
					t.Errorf("%d refunds were published, want %d", n, c.events)
				}
				if _, err := s.service.SettleManually(t.Context(), o.ID, w, store.Unguarded{}); !errors.Is(err, payment.ErrNotDue) {
					t.Errorf("again: %v", err)
				}
				s.settled(t, o) // what the gateway still reports about the charge changes nothing
				if p := s.now(t, o).Payment; p.Status != c.want {
					t.Errorf("the payment is %s", p.Status)
				}
				stuck, err := s.service.List(t.Context(), payment.Filter{Stuck: true}, 10, "")
				if err != nil || len(stuck.Items) > 0 {
					t.Errorf("stuck: %+v, %v", stuck.Items, err)
				}
				s.verify(t)
				s.agrees(t)
			})
		})
	}
}

func TestAManualRefundNeedsAChargeWhoseRefundIsDue(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		c := s.request(t, o)
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		for _, key := range []string{c.Key, "TR:99"} { // the charge that paid, and an unknown one
			w := settle.ManualSettlement{Outcome: payment.Refunded, Key: key, Reason: "told by phone", Actor: "ann"}
			if _, err := s.service.SettleManually(t.Context(), o.ID, w, store.Unguarded{}); !errors.Is(err, payment.ErrNotDue) {
				t.Errorf("%s: %v", key, err)
			}
		}
		seen, err := s.service.Details(t.Context(), o.ID)
		if err != nil || seen.Payment.Status != payment.Approved || hasStatement(seen.History, "told by phone") {
			t.Errorf("%+v, %v", seen, err)
		}
		s.verify(t)
	})
}

// The reason is stored.
func TestTheReasonOfAManualSettlementIsMasked(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		w := settle.ManualSettlement{Outcome: payment.Declined, Reason: "card " + string(number) + " is stolen", Actor: "ann"}
		seen, err := s.service.SettleManually(t.Context(), o.ID, w, store.Unguarded{})
		if err != nil || !hasStatement(seen.History, "card ****-****-****-1451 is stolen") {
			t.Errorf("%+v, %v", seen.History, err)
		}
	})
}
