package settle_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func isGateway(err error) bool { return errors.Is(err, settle.ErrGateway) }

func TestTheRefundOfACancelledOrderIsRepeatedUntilItIsDone(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 300)
		o := s.buy(t, kim, 200, order.Want{ProductID: mug, Quantity: 2})
		c := s.request(t, o)
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		cancelled, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "changed my mind", store.Unguarded{})
		if err != nil || cancelled.Status() != order.Cancelled {
			t.Fatalf("Cancel = %s, %v", cancelled.Status(), err)
		}
		s.verify(t)                                              // the refund is due now
		for _, f := range []fate{undone, answerLost, answered} { // the refund fails; is done but the answer is lost; is repeated
			s.gateway.next = f
			_, err := s.service.Settle(t.Context(), o.ID)
			if (err != nil) != (f == undone) { // a refund whose answer was lost is found done
				t.Errorf("fate %d: %v", f, err)
			}
		}
		if kept := s.gateway.kept(o.ID); kept != 0 {
			t.Errorf("the gateway has kept %d won", kept)
		}
		if o = s.now(t, o); o.Payment.Status != payment.Refunded || s.Stock(t, mug) != 5 || s.Balance(t, kim) != 300 {
			t.Errorf("payment %s, %d mugs, %d won", o.Payment.Status, s.Stock(t, mug), s.Balance(t, kim))
		}
		s.expectEvents(t, o, "order.placed", "payment.requested", "payment.approved", "order.paid", "order.cancelled", "payment.refunded")
		s.verify(t)
	})
}

func (s *cardShop) settled(t *testing.T, o order.Order) {
	t.Helper()
	if _, err := s.service.Settle(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
}

func TestAChargeThatSucceedsForADeadOrderIsRefunded(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		if _, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		s.gateway.decide(c.Key, payment.ChargeSucceeded) // at the same time
		if result, err := s.service.Callback(t.Context(), callbackOf(c)); result != settle.CallbackRepeated || err != nil {
			t.Errorf("Callback = %v, %v", result, err)
		}
		if kept := s.gateway.kept(o.ID); kept != 0 {
			t.Errorf("the gateway has kept %d won", kept)
		}
		if o = s.now(t, o); o.Status() != order.Cancelled || o.Payment.Status == payment.Approved {
			t.Errorf("the order is %s, its payment %s", o.Status(), o.Payment.Status)
		}
		s.verify(t)
	})
}

func TestSurplusChargesAreRefunded(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		s.gateway.next = answerLost
		_ = s.service.TryCharge(t.Context(), *o.Payment, s.card) // the answer is lost, so it is requested again
		s.request(t, o)
		s.gateway.decide("TR:1", payment.ChargeSucceeded)
		s.gateway.decide("TR:2", payment.ChargeSucceeded)
		s.settled(t, o)
		if o = s.now(t, o); o.Status() != order.Paid || o.Payment.Status != payment.Approved {
			t.Errorf("the order is %s, its payment %s", o.Status(), o.Payment.Status)
		}
		if kept := s.gateway.kept(o.ID); kept != 1000 {
			t.Errorf("the gateway has kept %d won, want 1000", kept)
		}
		s.verify(t)
	})
}

func TestForgedCallbacksChangeNothing(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		hint := callbackOf(s.request(t, o))
		before := s.now(t, o)
		for name, c := range map[string]struct {
			change func(*payment.Callback)
			want   error
		}{
			"another amount":   {func(c *payment.Callback) { c.Amount = 1 }, settle.ErrWrongAmount},
			"an unknown order": {func(c *payment.Callback) { c.OrderID = s.IDs().String() }, settle.ErrUnknownOrder},
			"no order at all":  {func(c *payment.Callback) { c.OrderID = "1351039135" }, settle.ErrUnknownOrder},
			"the payment's id": {func(c *payment.Callback) { c.OrderID = o.Payment.ID.String() }, settle.ErrUnknownOrder},
			"an unknown key":   {func(c *payment.Callback) { c.Key = "TR:99" }, settle.ErrUnknownCharge},
			"the true ones":    {func(*payment.Callback) {}, nil},
		} {
			forged := hint
			c.change(&forged)
			result, err := s.service.Callback(t.Context(), forged)
			if !errors.Is(err, c.want) || err == nil && result != settle.CallbackEarly {
				t.Errorf("%s: %v, %v, want %v", name, result, err, c.want)
			}
		}
		after := s.now(t, o)
		after.Payment.DueAt, before.Payment.DueAt = nil, nil // a check schedules the next one
		if diff := cmp.Diff(before, after, cmp.AllowUnexported(order.Order{}, payment.Payment{})); diff != "" {
			t.Errorf("changed: %s", diff)
		}
		s.verify(t)
	})
}

func TestAManualSettlementEndsAPaymentOnceAndIsKept(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		paid := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		lost := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, lost)
		for o, w := range map[*order.Order]settle.ManualSettlement{
			&paid: {Outcome: payment.Approved, Key: "BANK:7", Reason: "told by phone", Actor: "ann"},
			&lost: {Outcome: payment.Declined, Reason: "told by phone", Actor: "ann"},
		} {
			got, err := s.service.SettleManually(t.Context(), o.Payment.ID, w, store.Unguarded{})
			if err != nil || got.Payment.Status != w.Outcome || !hasStatement(got.History, "told by phone") {
				t.Errorf("%s: %+v, %v", w.Outcome, got, err)
			}
			if _, err := s.service.SettleManually(t.Context(), o.ID, w, store.Unguarded{}); !errors.Is(err, payment.ErrEnded) {
				t.Errorf("again: %v", err)
			}
			seen, err := s.service.Details(t.Context(), o.ID)
			if err != nil || !hasStatement(seen.History, "told by phone") {
				t.Errorf("history: %+v, %v", seen.History, err)
			}
		}
		s.settled(t, lost) // the pending charge is voided
		if got := s.gateway.all()[0]; got.Key != c.Key || got.Status != payment.ChargeCancelled {
			t.Errorf("the charge is %+v", got)
		}
		if why := s.now(t, lost).Payment.Reason; why != "declined by the shop" {
			t.Errorf("the reason for the customer is %q", why)
		}
		if p, l := s.now(t, paid).Status(), s.now(t, lost).Status(); p != order.Paid || l != order.Failed || s.Stock(t, mug) != 4 {
			t.Errorf("%s and %s, %d mugs", p, l, s.Stock(t, mug))
		}
		s.verify(t)
	})
}

// hasStatement reports whether the history has ann's statement with this reason.
func hasStatement(history []payment.Entry, why string) bool {
	for _, n := range history {
		if n.Action == payment.ActionManual && n.Actor == "ann" && n.Detail == why && !n.At.IsZero() {
			return true
		}
	}
	return false
}

// The charge was refunded in the gateway's console. The audit shows it, and the
// cancellation of the order resolves it.
func TestAChargeThatWasRefundedElsewhereIsNotRefundedAgain(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		if _, err := s.gateway.Cancel(t.Context(), kim, o.ID, c.Key); err != nil {
			t.Fatal(err)
		}
		s.settled(t, o)
		if _, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		s.settled(t, o)
		if o = s.now(t, o); o.Payment.Status != payment.Refunded || s.Promised(t, "payment.refunded") != 1 {
			t.Errorf("the payment is %s, %d refunds were published", o.Payment.Status, s.Promised(t, "payment.refunded"))
		}
		s.verify(t)
	})
}

func TestAnOperatorCannotConfirmAChargeThatDoesNotPay(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := newCardShop(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		s.gateway.change(0, func(c *payment.Charge) { c.Amount = 7 }) // another amount: it is refunded
		s.gateway.decide(c.Key, payment.ChargeSucceeded)
		s.settled(t, o)
		w := settle.ManualSettlement{Outcome: payment.Approved, Key: c.Key, Reason: "told by phone", Actor: "ann"}
		if _, err := s.service.SettleManually(t.Context(), o.ID, w, store.Unguarded{}); !errors.Is(err, payment.ErrNoPay) {
			t.Errorf("SettleManually = %v, want ErrNoPay", err)
		}
		if got := s.now(t, o).Status(); got != order.Pending {
			t.Errorf("the order is %s", got)
		}
		s.verify(t)
	})
}
