package checkout_test

import (
	"errors"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// buyWith is buy with a coupon.
func buyWith(t *testing.T, s *shoptest.Shop, customer, named id.ID, lines ...order.Want) (order.Order, error) {
	t.Helper()
	return s.Checkout.Place(t.Context(), checkout.Request{UserID: customer, Lines: lines, CouponID: &named}, store.Unguarded{})
}

// owned returns a coupon of a customer.
func owned(t *testing.T, s *shoptest.Shop, customer, cid id.ID) coupon.IssuedCoupon {
	t.Helper()
	p, err := s.Coupons.List(t.Context(), customer, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range p.Items {
		if o.ID == cid {
			return o
		}
	}
	t.Fatalf("%s has no coupon %s", customer, cid)
	return coupon.IssuedCoupon{}
}

// status returns the status of a coupon today.
func status(t *testing.T, s *shoptest.Shop, customer, cid id.ID) coupon.Status {
	t.Helper()
	return owned(t, s, customer, cid).Status(time.Now())
}

func TestACouponThatCannotBeUsedTakesNothing(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim, lee := s.Product(t, 1000, 5), s.Customer(t, 10_000), s.Customer(t, 0)
		good := s.Issue(t, kim, s.Coupon(t, coupons.Draft{ValidDays: 2}))
		dear := s.Issue(t, kim, s.Coupon(t, coupons.Draft{MinOrderAmount: 2001}))
		spent := s.Issue(t, kim, s.Coupon(t, coupons.Draft{}))
		others := s.Coupon(t, coupons.Draft{})
		theirs := s.Issue(t, lee, others)
		if _, err := buyWith(t, s, kim, spent, want(mug, 1)); err != nil {
			t.Fatal(err)
		}
		later := checkout.New(s.DB, s.IDs, func() time.Time { return time.Now().AddDate(0, 0, 2) }, payment.DefaultPolicy())
		before := len(s.Outbox(t))
		for name, c := range map[string]struct {
			service *checkout.Service
			coupon  id.ID
			mugs    int64
			fault   error
		}{
			"no such coupon":           {s.Checkout, s.IDs(), 1, coupon.ErrNotFound},
			"another person's":         {s.Checkout, theirs, 1, coupon.ErrNotFound},
			"of a kind that kim lacks": {s.Checkout, others, 1, coupon.ErrNotFound},
			"expired":                  {later, good, 1, coupon.ErrExpired},
			"below its minimum":        {s.Checkout, dear, 2, coupon.ErrMinimum},
			"used":                     {s.Checkout, spent, 1, coupon.ErrAlreadyUsed},
			"used, and expired since":  {later, spent, 1, coupon.ErrAlreadyUsed},
			"good, but too few mugs":   {s.Checkout, good, 5, product.ErrInsufficientStock},
		} {
			r := checkout.Request{UserID: kim, Lines: []order.Want{want(mug, c.mugs)}, CouponID: &c.coupon}
			if _, err := c.service.Place(t.Context(), r, store.Unguarded{}); !errors.Is(err, c.fault) {
				t.Errorf("%s: %v, want %v", name, err, c.fault)
			}
		}
		if m, b := s.Stock(t, mug), s.Balance(t, kim); m != 4 || b != 9100 {
			t.Errorf("left: %d mugs, %d won; want 4, 9100", m, b)
		}
		if after := len(s.Outbox(t)); after != before {
			t.Errorf("%d events were added for orders that were refused", after-before)
		}
		for cid, want := range map[id.ID]coupon.Status{good: coupon.Issued, dear: coupon.Issued, spent: coupon.Used} {
			if got := status(t, s, kim, cid); got != want {
				t.Errorf("a coupon is %s, want %s", got, want)
			}
		}
		if got := status(t, s, lee, theirs); got != coupon.Issued {
			t.Errorf("lee's coupon is %s", got)
		}
		s.Audit(t)
	})
}

func TestAnOrderThatIsNotPaidDoesNotUseTheCoupon(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 899)
		cid := s.Issue(t, kim, s.Coupon(t, coupons.Draft{}))
		if _, err := buyWith(t, s, kim, cid, want(mug, 1)); !errors.Is(err, point.ErrInsufficient) {
			t.Errorf("buy = %v, want ErrInsufficient", err)
		}
		if got, left := status(t, s, kim, cid), s.Stock(t, mug); got != coupon.Issued || left != 5 {
			t.Errorf("the coupon is %s, %d mugs are left", got, left)
		}
		s.Audit(t)
	})
}

func TestDiscountPointsAndCardAddUp(t *testing.T) {
	t.Parallel()
	won := func(w money.Won) *money.Won { return &w }
	fixed := func(value int64) coupons.Draft { return coupons.Draft{Type: coupon.Fixed, Value: value} }
	percent := func(value int64, most *money.Won) coupons.Draft {
		return coupons.Draft{Type: coupon.Percent, Value: value, MaxDiscount: most}
	}
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		card, sells := card(t), withCards(s, &charger{}, nil)
		for name, c := range map[string]struct {
			draft                  coupons.Draft
			points                 *money.Won
			card                   *payment.CardDetails
			discount, paid, byCard money.Won
			status                 order.Status
		}{
			"fixed":                        {fixed(1000), nil, nil, 1000, 1997, 0, order.Paid},
			"fixed, at its minimum":        {coupons.Draft{Value: 1000, MinOrderAmount: 2997}, nil, nil, 1000, 1997, 0, order.Paid},
			"fixed, more than the order":   {fixed(50_000), nil, nil, 2997, 0, 0, order.Paid},
			"fixed, and the points said":   {fixed(1000), won(1997), nil, 1000, 1997, 0, order.Paid},
			"fixed, and a card":            {fixed(1000), nil, card, 1000, 0, 1997, order.Pending},
			"fixed, and points and a card": {fixed(1000), won(900), card, 1000, 900, 1097, order.Pending},
			"a percentage, rounded down":   {percent(10, nil), nil, nil, 299, 2698, 0, order.Paid},
			"a percentage, up to a limit":  {percent(50, won(500)), nil, nil, 500, 2497, 0, order.Paid},
			"a percentage, below a limit":  {percent(10, won(500)), nil, nil, 299, 2698, 0, order.Paid},
			"all of it":                    {percent(100, nil), nil, nil, 2997, 0, 0, order.Paid},
			"a percentage, and a card":     {percent(10, nil), won(8), card, 299, 8, 2690, order.Pending},
		} {
			mug, kim := s.Product(t, 999, 3), s.Customer(t, 10_000)
			kind := s.Coupon(t, c.draft)
			cid := s.Issue(t, kim, kind)
			o, err := sells.Place(t.Context(), checkout.Request{
				UserID: kim, Lines: []order.Want{want(mug, 3)}, CouponID: &cid, Points: c.points, Card: c.card,
			}, store.Unguarded{})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			kept, err := s.Checkout.Get(t.Context(), kim, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []order.Order{o, kept} {
				if o.Amount != 2997 || o.Discount != c.discount || o.Points != c.paid || o.Card != c.byCard || o.Status() != c.status {
					t.Errorf("%s: amount %d, discount %d, points %d, card %d, %s", name, o.Amount, o.Discount, o.Points, o.Card, o.Status())
				}
				if o.Amount-o.Discount != o.Points+o.Card {
					t.Errorf("%s: %d - %d is not %d + %d", name, o.Amount, o.Discount, o.Points, o.Card)
				}
				if o.Coupon == nil || o.Coupon.ID != cid || o.Coupon.CouponID != kind || o.Coupon.Name != "Welcome" {
					t.Errorf("%s: coupon %+v", name, o.Coupon)
				}
			}
			if b := s.Balance(t, kim); b != 10_000-c.paid {
				t.Errorf("%s: %d won are left", name, b)
			}
			if has := owned(t, s, kim, cid); has.OrderID == nil || *has.OrderID != o.ID || has.UsedAt == nil {
				t.Errorf("%s: the coupon is %+v", name, has)
			}
		}
		s.Audit(t)
	})
}

func TestACancellationFreesTheCouponOnce(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 1000)
		kind := s.Coupon(t, coupons.Draft{Value: 400})
		cid := s.Issue(t, kim, kind)
		for range 2 {
			o, err := buyWith(t, s, kim, kind, want(mug, 1)) // named by its couponId
			if err != nil || o.Points != 600 {
				t.Fatalf("buy: %d points, %v", o.Points, err)
			}
			done := 0
			for _, err := range shoptest.AtOnce(8, func(int) error { _, err := cancel(t, s, kim, o.ID); return err }) {
				switch {
				case err == nil:
					done++
				case !errors.Is(err, order.ErrTransition):
					t.Errorf("cancel: %v", err)
				}
			}
			has := owned(t, s, kim, cid)
			if b := s.Balance(t, kim); done != 1 || b != 1000 || has.OrderID != nil || has.UsedAt != nil {
				t.Errorf("%d cancels, %d won, the coupon is %+v", done, b, has)
			}
			s.Audit(t)
		}
	})
}

// A second cancellation must not free the coupon, which another order uses by then.
func TestASecondCancellationDoesNotFreeTheCoupon(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 1000, 5), s.Customer(t, 1000)
		cid := s.Issue(t, kim, s.Coupon(t, coupons.Draft{Value: 400}))
		first, err := buyWith(t, s, kim, cid, want(mug, 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cancel(t, s, kim, first.ID); err != nil {
			t.Fatal(err)
		}
		second, err := buyWith(t, s, kim, cid, want(mug, 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cancel(t, s, kim, first.ID); !errors.Is(err, order.ErrTransition) {
			t.Errorf("a second cancel: %v", err)
		}
		if has := owned(t, s, kim, cid); has.OrderID == nil || *has.OrderID != second.ID {
			t.Errorf("the coupon is %+v", has)
		}
		s.Audit(t)
	})
}

func TestOneCouponIsUsedForOneOfThirtyTwoOrdersAtOnce(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 1000, 100), s.Customer(t, 100_000)
		kind := s.Coupon(t, coupons.Draft{Value: 400})
		names := [2]id.ID{s.Issue(t, kim, kind), kind}
		errs := shoptest.AtOnce(32, func(i int) error {
			_, err := buyWith(t, s, kim, names[i%2], want(mug, 1))
			return err
		})
		sold := 0
		for _, err := range errs {
			switch {
			case err == nil:
				sold++
			case !errors.Is(err, coupon.ErrAlreadyUsed):
				t.Errorf("buy: %v", err)
			}
		}
		if m, b := s.Stock(t, mug), s.Balance(t, kim); sold != 1 || m != 99 || b != 99_400 {
			t.Errorf("%d orders; %d mugs and %d won are left", sold, m, b)
		}
		s.Audit(t)
	})
}

func TestOrdersAndCancellationsAtOnceNeverUseACouponTwice(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 1000, 100), s.Customer(t, 100_000)
		cid := s.Issue(t, kim, s.Coupon(t, coupons.Draft{Value: 400}))
		errs := shoptest.AtOnce(8, func(int) error {
			for range 8 {
				o, err := buyWith(t, s, kim, cid, want(mug, 1))
				if errors.Is(err, coupon.ErrAlreadyUsed) {
					continue
				}
				if err != nil {
					return err
				}
				if _, err := cancel(t, s, kim, o.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if got, b := status(t, s, kim, cid), s.Balance(t, kim); got != coupon.Issued || b != 100_000 {
			t.Errorf("the coupon is %s, %d won are left", got, b)
		}
		s.Audit(t)
	})
}
