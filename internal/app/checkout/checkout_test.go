package checkout_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func buy(t *testing.T, s *shoptest.Shop, customer id.ID, lines ...order.Want) (order.Order, error) {
	t.Helper()
	return s.Checkout.Place(t.Context(), checkout.Request{UserID: customer, Lines: lines}, store.Unguarded{})
}

func cancel(t *testing.T, s *shoptest.Shop, customer, oid id.ID) (order.Order, error) {
	t.Helper()
	return s.Checkout.Cancel(t.Context(), customer, oid, "changed my mind", store.Unguarded{})
}

func want(productID, quantity int64) order.Want {
	return order.Want{ProductID: productID, Quantity: quantity}
}

func TestAnOrderTakesStockAndPointsAndPublishesEvents(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, cup, kim := s.Product(t, 1000, 5), s.Product(t, 300, 2), s.Customer(t, 10_000)
		o, err := buy(t, s, kim, want(cup, 2), want(mug, 3))
		if err != nil {
			t.Fatal(err)
		}
		if o.Status() != order.Paid || o.Amount != 3600 || o.Points != 3600 || o.Version() != 2 {
			t.Errorf("order = %s, amount %d, points %d, version %d", o.Status(), o.Amount, o.Points, o.Version())
		}
		if m, c, b := s.Stock(t, mug), s.Stock(t, cup), s.Balance(t, kim); m != 2 || c != 0 || b != 6400 {
			t.Errorf("left: %d mugs, %d cups, %d won; want 2, 0, 6400", m, c, b)
		}
		got := map[string]int{}
		for _, p := range s.Outbox(t) {
			got[p.Envelope.Type]++
		}
		want := map[string]int{"product.changed": 2, "order.placed": 1, "order.paid": 1, "stock.depleted": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events: %s", diff)
		}
		kept, err := s.Checkout.Get(t.Context(), kim, o.ID)
		if err != nil || kept.Status() != order.Paid || len(kept.History()) != 2 {
			t.Errorf("kept: %+v, %v", kept, err)
		}
		s.Audit(t)
	})
}

func TestAnOrderIsAllOrNothing(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, rare, hidden := s.Product(t, 1000, 5), s.Product(t, 10, 1), s.Product(t, 10, 9)
		s.Hide(t, hidden)
		kim := s.Customer(t, 3000)
		before := len(s.Outbox(t))
		three := money.Won(3)
		for name, c := range map[string]struct {
			request checkout.Request
			fault   error
		}{
			"too few left":      {checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1), want(rare, 2)}}, product.ErrInsufficientStock},
			"too few in all":    {checkout.Request{UserID: kim, Lines: []order.Want{want(rare, 1), want(mug, 1), want(rare, 1)}}, product.ErrInsufficientStock},
			"too few points":    {checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 4)}}, point.ErrInsufficient},
			"no such product":   {checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1), want(999_999, 1)}}, product.ErrNotFound},
			"a hidden product":  {checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1), want(hidden, 1)}}, product.ErrNotFound},
			"no such user":      {checkout.Request{UserID: s.IDs(), Lines: []order.Want{want(mug, 1)}}, point.ErrNoWallet},
			"other points":      {checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}, Points: &three}, order.ErrFunds},
			"an empty basket":   {checkout.Request{UserID: kim}, nil},
			"a line of nothing": {checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 0)}}, nil},
		} {
			_, err := s.Checkout.Place(t.Context(), c.request, store.Unguarded{})
			if err == nil || c.fault != nil && !errors.Is(err, c.fault) {
				t.Errorf("%s: %v, want %v", name, err, c.fault)
			}
		}
		if m, r, b := s.Stock(t, mug), s.Stock(t, rare), s.Balance(t, kim); m != 5 || r != 1 || b != 3000 {
			t.Errorf("left: %d mugs, %d rare ones, %d won; want 5, 1, 3000", m, r, b)
		}
		if after := len(s.Outbox(t)); after != before {
			t.Errorf("%d events were added for orders that were refused", after-before)
		}
		s.Audit(t)
	})
}

func TestACancelGivesEverythingBackOnce(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 10_000)
		o, err := buy(t, s, kim, want(mug, 3))
		if err != nil {
			t.Fatal(err)
		}
		errs := shoptest.AtOnce(16, func(int) error {
			_, err := cancel(t, s, kim, o.ID)
			return err
		})
		done := 0
		for _, err := range errs {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, order.ErrTransition):
				t.Errorf("cancel: %v", err)
			}
		}
		if m, b := s.Stock(t, mug), s.Balance(t, kim); done != 1 || m != 5 || b != 10_000 {
			t.Errorf("%d cancels; %d mugs, %d won; want 1, 5, 10000", done, m, b)
		}
		if n := s.Promised(t, "order.cancelled"); n != 1 {
			t.Errorf("%d events order.cancelled, want 1", n)
		}
		s.Audit(t)
	})
}

func TestAnOrderCanBeCancelledAlthoughTheStockIsFull(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 1000, product.MaxStock), s.Customer(t, 10_000)
		o, err := buy(t, s, kim, want(mug, 3))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Catalog.AdjustStock(t.Context(), mug, product.Adjustment{Delta: 3, Note: "filled up"}, store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		if _, err := cancel(t, s, kim, o.ID); err != nil {
			t.Errorf("cancel: %v", err)
		}
		if left := s.Stock(t, mug); left != product.MaxStock+3 {
			t.Errorf("%d mugs", left)
		}
		s.Audit(t)
	})
}

func TestAUserCannotSeeOrCancelAnotherUsersOrder(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim, lee := s.Product(t, 10, 5), s.Customer(t, 100), s.Customer(t, 100)
		o, err := buy(t, s, kim, want(mug, 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Checkout.Get(t.Context(), lee, o.ID); !errors.Is(err, order.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
		if _, err := cancel(t, s, lee, o.ID); !errors.Is(err, order.ErrNotFound) {
			t.Errorf("Cancel = %v, want ErrNotFound", err)
		}
		if p, err := s.Checkout.List(t.Context(), lee, 10, ""); err != nil || len(p.Items) != 0 {
			t.Errorf("List = %d orders, %v", len(p.Items), err)
		}
	})
}

func TestTheLastTenAreSoldToTen(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug := s.Product(t, 10, 10)
		buyers := make([]id.ID, 64)
		for i := range buyers {
			buyers[i] = s.Customer(t, 100)
		}
		errs := shoptest.AtOnce(len(buyers), func(i int) error {
			_, err := buy(t, s, buyers[i], want(mug, 1))
			return err
		})
		sold := 0
		for _, err := range errs {
			switch {
			case err == nil:
				sold++
			case !errors.Is(err, product.ErrInsufficientStock):
				t.Errorf("buy: %v", err)
			}
		}
		if left := s.Stock(t, mug); sold != 10 || left != 0 {
			t.Errorf("%d sold, %d left; want 10 and 0", sold, left)
		}
		s.Audit(t)
	})
}

func TestOppositeBasketsAllSucceed(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		a, b := s.Product(t, 10, 1000), s.Product(t, 10, 1000)
		buyers := make([]id.ID, 64)
		for i := range buyers {
			buyers[i] = s.Customer(t, 100)
		}
		errs := shoptest.AtOnce(len(buyers), func(i int) error {
			basket := []order.Want{want(a, 1), want(b, 1)}
			if i%2 == 1 {
				slices.Reverse(basket)
			}
			o, err := buy(t, s, buyers[i], basket...)
			if err == nil && i%4 == 0 { // some cancel while others buy
				_, err = cancel(t, s, buyers[i], o.ID)
			}
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if l, r := s.Stock(t, a), s.Stock(t, b); l != 952 || r != 952 {
			t.Errorf("left: %d and %d, want 952 each", l, r)
		}
		s.Audit(t)
	})
}

func TestAWalletPaysOnlyWhatItHolds(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 100, 1000), s.Customer(t, 1050)
		errs := shoptest.AtOnce(32, func(int) error {
			_, err := buy(t, s, kim, want(mug, 1))
			return err
		})
		paid := 0
		for _, err := range errs {
			switch {
			case err == nil:
				paid++
			case !errors.Is(err, point.ErrInsufficient):
				t.Errorf("buy: %v", err)
			}
		}
		if b, left := s.Balance(t, kim), s.Stock(t, mug); paid != 10 || b != 50 || left != 990 {
			t.Errorf("%d paid, %d won and %d mugs left; want 10, 50, 990", paid, b, left)
		}
		s.Audit(t)
	})
}

func TestOrdersAreListedNewestFirstInPages(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 10, 100), s.Customer(t, 1000)
		var bought []id.ID
		for range 5 {
			o, err := buy(t, s, kim, want(mug, 1))
			if err != nil {
				t.Fatal(err)
			}
			bought = append(bought, o.ID)
		}
		slices.Reverse(bought)
		var seen []id.ID
		for cursor, first := "", true; first || cursor != ""; first = false {
			p, err := s.Checkout.List(t.Context(), kim, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range p.Items {
				seen = append(seen, o.ID)
			}
			cursor = p.Next
		}
		if diff := cmp.Diff(bought, seen); diff != "" {
			t.Error(diff)
		}
	})
}
