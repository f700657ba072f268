package settle_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func isGateway(err error) bool { return errors.Is(err, settle.ErrGateway) }

func TestACancelOfAPaidOrderIsRefundedOnceHoweverOftenItDiesInBetween(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		s, t := opened(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 300)
		o := s.buy(t, kim, 200, order.Want{ProductID: mug, Quantity: 2})
		c := s.request(t, o)
		s.gateway.decide(c.TransactionKey, pgwire.Success)
		s.settled(t, o)
		cancelled, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "changed my mind", store.Unguarded{})
		if err != nil || cancelled.Status() != order.Cancelled {
			t.Fatalf("Cancel = %s, %v", cancelled.Status(), err)
		}
		s.verify(t)                                        // between the books and the gateway
		for _, f := range []fate{undone, unheard, heard} { // the refund fails; is done and not heard of; is done again
			s.gateway.next = f
			_, err := s.desk.Settle(t.Context(), o.ID)
			if (err != nil) != (f == undone) { // one that was done is found so
				t.Errorf("fate %d: %v", f, err)
			}
		}
		if kept := s.gateway.kept(o.ID.String()); kept != 0 {
			t.Errorf("the gateway has kept %d won", kept)
		}
		if o = s.now(t, o); o.Payment.Status != payment.Refunded || s.Stock(t, mug) != 5 || s.Balance(t, kim) != 300 {
			t.Errorf("payment %s, %d mugs, %d won", o.Payment.Status, s.Stock(t, mug), s.Balance(t, kim))
		}
		s.told(t, o, "order.placed", "payment.requested", "payment.approved", "order.paid", "order.cancelled", "payment.refunded")
		s.verify(t)
	})
}

func (s *till) settled(t *testing.T, o order.Order) {
	t.Helper()
	if _, err := s.desk.Settle(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
}

func TestASuccessThatComesForADeadOrderIsRefunded(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := opened(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		if _, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		s.gateway.decide(c.TransactionKey, pgwire.Success) // at the same moment
		if heard, err := s.desk.Callback(t.Context(), c); heard != settle.Old || err != nil {
			t.Errorf("Callback = %v, %v", heard, err)
		}
		if kept := s.gateway.kept(o.ID.String()); kept != 0 {
			t.Errorf("the gateway has kept %d won", kept)
		}
		if o = s.now(t, o); o.Status() != order.Cancelled || o.Payment.Status == payment.Approved {
			t.Errorf("the order is %s, its payment %s", o.Status(), o.Payment.Status)
		}
		s.verify(t)
	})
}

func TestApprovalsTooManyAreRefunded(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := opened(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		s.gateway.next = unheard
		_ = s.desk.Try(t.Context(), *o.Payment, number) // lost, and so requested again
		s.request(t, o)
		s.gateway.decide("TR:1", pgwire.Success)
		s.gateway.decide("TR:2", pgwire.Success)
		s.settled(t, o)
		if o = s.now(t, o); o.Status() != order.Paid || o.Payment.Status != payment.Approved {
			t.Errorf("the order is %s, its payment %s", o.Status(), o.Payment.Status)
		}
		if kept := s.gateway.kept(o.ID.String()); kept != 1000 {
			t.Errorf("the gateway has kept %d won, want 1000", kept)
		}
		s.verify(t)
	})
}

func TestForgedCallbacksChangeNothing(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := opened(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		true1 := s.request(t, o)
		before := s.now(t, o)
		for name, c := range map[string]struct {
			change func(*pgwire.Transaction)
			want   error
		}{
			"another amount":   {func(c *pgwire.Transaction) { c.Amount = 1 }, settle.ErrWrongAmount},
			"an unknown order": {func(c *pgwire.Transaction) { c.OrderID = s.IDs().String() }, settle.ErrUnknownOrder},
			"no order at all":  {func(c *pgwire.Transaction) { c.OrderID = "1351039135" }, settle.ErrUnknownOrder},
			"the payment's id": {func(c *pgwire.Transaction) { c.OrderID = o.Payment.ID.String() }, settle.ErrUnknownOrder},
			"an unknown key":   {func(c *pgwire.Transaction) { c.TransactionKey = "TR:99" }, settle.ErrUnknownCharge},
			"a wrong success":  {func(c *pgwire.Transaction) { c.Status = pgwire.Success }, nil},
			"a wrong failure":  {func(c *pgwire.Transaction) { c.Status = pgwire.Failed }, nil},
		} {
			forged := true1
			c.change(&forged)
			heard, err := s.desk.Callback(t.Context(), forged)
			if !errors.Is(err, c.want) || err == nil && heard != settle.Early {
				t.Errorf("%s: %v, %v, want %v", name, heard, err, c.want)
			}
		}
		after := s.now(t, o)
		after.Payment.DueAt, before.Payment.DueAt = nil, nil // a look at it puts off the next
		if diff := cmp.Diff(before, after, cmp.AllowUnexported(order.Order{}, payment.Payment{})); diff != "" {
			t.Errorf("changed: %s", diff)
		}
		s.verify(t)
	})
}

func TestAnOperatorsWordEndsAPaymentOnceAndIsKept(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := opened(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		paid := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		lost := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, lost)
		for o, w := range map[*order.Order]settle.ManualSettlement{
			&paid: {Outcome: payment.Approved, Key: "BANK:7", Reason: "told by phone", Actor: "ann"},
			&lost: {Outcome: payment.Declined, Reason: "told by phone", Actor: "ann"},
		} {
			told, err := s.desk.SettleByHand(t.Context(), o.Payment.ID, w, store.Unguarded{})
			if err != nil || told.Payment.Status != w.Outcome || !said(told.History, "told by phone") {
				t.Errorf("%s: %+v, %v", w.Outcome, told, err)
			}
			if _, err := s.desk.SettleByHand(t.Context(), o.ID, w, store.Unguarded{}); !errors.Is(err, payment.ErrEnded) {
				t.Errorf("again: %v", err)
			}
			seen, err := s.desk.Show(t.Context(), o.ID)
			if err != nil || !said(seen.History, "told by phone") {
				t.Errorf("history: %+v, %v", seen.History, err)
			}
		}
		s.settled(t, lost) // the charge that was under way is called off
		if got := s.gateway.all()[0]; got.TransactionKey != c.TransactionKey || got.Status != pgwire.Cancelled {
			t.Errorf("the charge is %+v", got)
		}
		if why := s.now(t, lost).Payment.Reason; why != "declined by the shop" {
			t.Errorf("the customer is told %q", why)
		}
		if p, l := s.now(t, paid).Status(), s.now(t, lost).Status(); p != order.Paid || l != order.Failed || s.Stock(t, mug) != 4 {
			t.Errorf("%s and %s, %d mugs", p, l, s.Stock(t, mug))
		}
		s.verify(t)
	})
}

// said reports whether ann is in the history, with why.
func said(history []payment.Entry, why string) bool {
	for _, n := range history {
		if n.Action == payment.ActionManual && n.Actor == "ann" && n.Detail == why && !n.At.IsZero() {
			return true
		}
	}
	return false
}

// Somebody at the gateway gave the charge back: the books say so, and a cancel
// of the order mends them.
func TestWhatWasGivenBackElsewhereIsNotGivenBackAgain(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := opened(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		s.gateway.decide(c.TransactionKey, pgwire.Success)
		s.settled(t, o)
		if _, err := s.gateway.Cancel(t.Context(), "", c.TransactionKey); err != nil {
			t.Fatal(err)
		}
		s.settled(t, o)
		if _, err := s.Checkout.Cancel(t.Context(), kim, o.ID, "", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		s.settled(t, o)
		if o = s.now(t, o); o.Payment.Status != payment.Refunded || s.Promised(t, "payment.refunded") != 1 {
			t.Errorf("the payment is %s, %d refunds were told", o.Payment.Status, s.Promised(t, "payment.refunded"))
		}
		s.verify(t)
	})
}

func TestAnOperatorCannotVouchForWhatIsKnownNotToPay(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		s, t := opened(shop), shop.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
		o := s.buy(t, kim, 0, order.Want{ProductID: mug, Quantity: 1})
		c := s.request(t, o)
		s.gateway.charges[0].Amount = 7 // of another amount: it goes back
		s.gateway.decide(c.TransactionKey, pgwire.Success)
		s.settled(t, o)
		w := settle.ManualSettlement{Outcome: payment.Approved, Key: c.TransactionKey, Reason: "told by phone", Actor: "ann"}
		if _, err := s.desk.SettleByHand(t.Context(), o.ID, w, store.Unguarded{}); !errors.Is(err, payment.ErrNoPay) {
			t.Errorf("SettleByHand = %v, want ErrNoPay", err)
		}
		if got := s.now(t, o).Status(); got != order.Pending {
			t.Errorf("the order is %s", got)
		}
		s.verify(t)
	})
}
