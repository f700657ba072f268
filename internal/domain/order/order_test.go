package order_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/order"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func placed(t *testing.T) order.Order {
	t.Helper()
	o, err := order.New(id.ID{1}, id.ID{2}, []order.Line{
		{ProductID: 3, Name: "Mug", Price: 100, Quantity: 2}, {ProductID: 5, Name: "Cup", Price: 50, Quantity: 1},
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	if o, err = o.FundedBy(30, 200); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestABasketHasEachProductOnceInIDOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Want {
			return order.Want{ProductID: rapid.Int64Range(1, 9).Draw(t, "product"), Quantity: rapid.Int64Range(1, order.MaxQuantity).Draw(t, "quantity")}
		}), 1, 30).Draw(t, "lines")
		b, err := order.NewBasket(lines)
		if err != nil {
			t.Fatal(err)
		}
		want := map[int64]int64{}
		for _, l := range lines {
			want[l.ProductID] += l.Quantity
		}
		got, last := map[int64]int64{}, int64(0)
		for i, w := range b.Wants() {
			if w.ProductID <= last || b.ProductIDs()[i] != w.ProductID {
				t.Fatalf("product %d after %d in %v", w.ProductID, last, b.ProductIDs())
			}
			got[w.ProductID], last = w.Quantity, w.ProductID
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestABasketNamesEveryWrongLine(t *testing.T) {
	t.Parallel()
	_, err := order.NewBasket([]order.Want{{1, 1}, {0, 1}, {2, 0}, {-3, order.MaxQuantity + 1}})
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("NewBasket = %v", err)
	}
	var got []string
	for _, field := range f.Fields {
		got = append(got, field.Pointer)
	}
	if diff := cmp.Diff([]string{"/items/1/productId", "/items/2/quantity", "/items/3/productId", "/items/3/quantity"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestABasketHasALimitedNumberOfLines(t *testing.T) {
	t.Parallel()
	lines := make([]order.Want, order.MaxLines+1)
	for i := range lines {
		lines[i] = order.Want{ProductID: int64(i + 1), Quantity: 1}
	}
	for n, ok := range map[int]bool{0: false, 1: true, order.MaxLines: true, order.MaxLines + 1: false} {
		if _, err := order.NewBasket(lines[:n]); (err == nil) != ok {
			t.Errorf("%d lines: %v", n, err)
		}
	}
}

func TestTheAmountIsTheSumOfTheLinesOrRefused(t *testing.T) {
	t.Parallel()
	if got := placed(t).Amount; got != 250 {
		t.Errorf("amount = %d, want 250", got)
	}
	dear := order.Line{ProductID: 1, Price: money.Max, Quantity: 1}
	for name, lines := range map[string][]order.Line{
		"one line": {{ProductID: 1, Price: money.Max, Quantity: 2}}, "their sum": {dear, dear},
	} {
		if _, err := order.New(id.ID{1}, id.ID{2}, lines, at); !errors.Is(err, money.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
}

// The table of transitions, walked at random: what it does not allow changes
// nothing, and every step adds one to the version.
func TestAnOrderMovesOnlyAsTheTableAllows(t *testing.T) {
	t.Parallel()
	allowed := map[order.Status][]order.Status{
		order.Pending: {order.Paid, order.Failed, order.Expired, order.Cancelled}, order.Paid: {order.Cancelled},
	}
	steps := map[order.Status]func(order.Order) (order.Order, error){
		order.Paid:      func(o order.Order) (order.Order, error) { return o.Pay(at) },
		order.Failed:    func(o order.Order) (order.Order, error) { return o.Fail("why", at) },
		order.Expired:   func(o order.Order) (order.Order, error) { return o.Expire("why", at) },
		order.Cancelled: func(o order.Order) (order.Order, error) { return o.Cancel("why", at) },
	}
	rapid.Check(t, func(r *rapid.T) {
		o := placed(t)
		for range rapid.IntRange(1, 6).Draw(r, "steps") {
			before, next := o, rapid.SampledFrom(slices.Sorted(maps.Keys(steps))).Draw(r, "next")
			var err error
			o, err = steps[next](o)
			ok := false
			for _, s := range allowed[before.Status()] {
				ok = ok || s == next
			}
			switch {
			case ok && (err != nil || o.Status() != next || o.Version() != before.Version()+1):
				r.Fatalf("%s -> %s: %s, version %d, %v", before.Status(), next, o.Status(), o.Version(), err)
			case !ok && (!errors.Is(err, order.ErrTransition) || o.Version() != before.Version()):
				r.Fatalf("%s -> %s: %s, %v", before.Status(), next, o.Status(), err)
			}
		}
	})
}

func TestTwoCopiesOfOneOrderShareNoHistory(t *testing.T) {
	t.Parallel()
	paid, err := placed(t).Pay(at)
	if err != nil {
		t.Fatal(err)
	}
	one, err := paid.Cancel("one", at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := paid.Cancel("two", at); err != nil {
		t.Fatal(err)
	}
	if got := one.History()[2].Reason; got != "one" {
		t.Errorf("the first future's reason became %q", got)
	}
}

func TestARestoredOrderHasOnlyNewStepsToSave(t *testing.T) {
	t.Parallel()
	paid, err := placed(t).Pay(at)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(paid.Unsaved()); n != 2 {
		t.Errorf("a new order has %d steps to save, want 2", n)
	}
	kept := order.Restore(paid, paid.History())
	dead, err := kept.Cancel("why", at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := []order.Change{{Status: order.Cancelled, Reason: "why", At: at.Add(time.Hour)}}
	if diff := cmp.Diff(want, dead.Unsaved()); diff != "" {
		t.Error(diff)
	}
}

func TestEventsHaveTheVersionOfTheOrder(t *testing.T) {
	t.Parallel()
	o := placed(t)
	paid, err := o.Pay(at.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	dead, err := paid.Cancel("why", at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	about := func(version int64) event.Order {
		return event.Order{OrderID: id.ID{1}, Version: version, UserID: id.ID{2}, Amount: 250, Lines: []event.Line{
			{ProductID: 3, Quantity: 2, UnitPrice: 100}, {ProductID: 5, Quantity: 1, UnitPrice: 50},
		}}
	}
	paidAt := at.Add(time.Minute)
	for _, diff := range []string{
		cmp.Diff(event.OrderPlaced{Order: about(1), Discount: 30, Points: 200, CardAmount: 20}, o.PlacedEvent()),
		cmp.Diff(event.OrderPlaced{Order: about(1), Discount: 30, Points: 200, CardAmount: 20}, dead.PlacedEvent()),
		cmp.Diff(event.OrderPaid{Order: about(2), PaidAt: paidAt}, paid.PaidEvent()),
		cmp.Diff(event.Event(event.OrderCancelled{Order: about(3), Reason: "why", PaidAt: &paidAt}), dead.EndEvent()),
		cmp.Diff(event.Event(event.OrderFailed{Order: about(2), Reason: "declined"}), must(o.Fail("declined", at)).EndEvent()),
		cmp.Diff(event.Event(event.OrderExpired{Order: about(2), Reason: "late"}), must(o.Expire("late", at)).EndEvent()),
	} {
		if diff != "" {
			t.Error(diff)
		}
	}
}

func TestTheEventOfANewOrderNamesItsCoupon(t *testing.T) {
	t.Parallel()
	o := placed(t).WithCoupon(order.Coupon{ID: id.ID{7}, CouponID: id.ID{8}, Name: "Welcome"})
	want := &event.Coupon{ID: id.ID{7}, CouponID: id.ID{8}, Name: "Welcome"}
	if diff := cmp.Diff(want, o.PlacedEvent().Coupon); diff != "" {
		t.Error(diff)
	}
}

func TestTheEventOfACancelledOrderSaysWhetherItWasPaid(t *testing.T) {
	t.Parallel()
	dead, err := placed(t).Cancel("", at)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := dead.EndEvent().(event.OrderCancelled); !ok || e.PaidAt != nil || e.Version != 2 {
		t.Errorf("event = %+v", e)
	}
}

func must(o order.Order, err error) order.Order {
	if err != nil {
		panic(err)
	}
	return o
}

func TestDiscountPointsAndCardPayTheOrderExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		o := placed(t)
		discount, points := money.Won(rapid.Int64Range(-2, 253).Draw(r, "discount")), money.Won(rapid.Int64Range(-2, 253).Draw(r, "points"))
		got, err := o.FundedBy(discount, points)
		if fits := discount >= 0 && points >= 0 && discount+points <= 250; fits != (err == nil) {
			r.Fatalf("FundedBy(%d, %d) of 250: %v", discount, points, err)
		}
		if got.Amount-got.Discount != got.Points+got.Card || got.Card < 0 || got.Total() != got.Points+got.Card {
			r.Fatalf("%d - %d is not %d + %d", got.Amount, got.Discount, got.Points, got.Card)
		}
		if err != nil && (got.Discount != o.Discount || !errors.Is(err, order.ErrFunds)) {
			r.Fatalf("refused, and changed: %+v, %v", got, err)
		}
	})
}

// The event of an order that was just paid had nanoseconds, that of its cancellation, which was
// read before, microseconds.
func TestTheTimeOfThePaymentIsTheSameInAllEvents(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 1, 12, 0, 0, 123_456_789, time.UTC)
	paid, err := placed(t).Pay(now)
	if err != nil {
		t.Fatal(err)
	}
	dead, err := paid.Cancel("why", now)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := dead.EndEvent().(event.OrderCancelled)
	if want := now.Truncate(time.Microsecond); !paid.PaidEvent().PaidAt.Equal(want) || e.PaidAt == nil || !e.PaidAt.Equal(want) {
		t.Errorf("paid at %v and %v, want %v", paid.PaidEvent().PaidAt, e.PaidAt, want)
	}
}
