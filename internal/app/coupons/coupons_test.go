package coupons_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func issue(t *testing.T, s *shoptest.Shop, customer, kind id.ID) error {
	t.Helper()
	_, err := s.Coupons.Issue(t.Context(), customer, kind, store.Unguarded{})
	return err
}

// issued returns the coupon's count of issued ones.
func issued(t *testing.T, s *shoptest.Shop, kind id.ID) int64 {
	t.Helper()
	c, err := s.Coupons.Get(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	return c.Issued
}

func owned(t *testing.T, s *shoptest.Shop, customer id.ID) []coupon.IssuedCoupon {
	t.Helper()
	p, err := s.Coupons.List(t.Context(), customer, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

func TestACouponIsStoredAsCreated(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		most := money.Won(3000)
		created, err := s.Coupons.Create(t.Context(), coupons.Draft{
			Name: " Spring ", Type: coupon.Percent, Value: 10, MaxDiscount: &most, MinOrderAmount: 5000, Quantity: 7, ValidDays: 30,
		}, store.Unguarded{})
		if err != nil {
			t.Fatal(err)
		}
		if created.ID.IsZero() || created.Name != "Spring" || created.CreatedAt.IsZero() {
			t.Errorf("Create = %+v", created)
		}
		got, err := s.Coupons.Get(t.Context(), created.ID)
		created.CreatedAt, got.CreatedAt = created.CreatedAt.Truncate(time.Microsecond).UTC(), got.CreatedAt.UTC()
		if diff := cmp.Diff(created, got); err != nil || diff != "" {
			t.Errorf("Get = %v, %s", err, diff)
		}
		if _, err := s.Coupons.Get(t.Context(), s.IDs()); !errors.Is(err, coupon.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
	})
}

func TestADraftIsRejectedWithAllItsErrors(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		for _, c := range []struct {
			draft coupons.Draft
			wrong []string
		}{
			{coupons.Draft{Name: "  ", MinOrderAmount: -1}, []string{"/name", "/type", "/minOrderAmount", "/quantity", "/validDays"}},
			{coupons.Draft{Name: "x", Type: coupon.Percent, Value: 101, MaxDiscount: new(money.Won), Quantity: 1, ValidDays: 1}, []string{"/value", "/maxDiscount"}},
			{coupons.Draft{Name: "x", Type: coupon.Fixed, MaxDiscount: new(money.Won), Quantity: 1, ValidDays: 1}, []string{"/value", "/maxDiscount"}},
		} {
			_, err := s.Coupons.Create(t.Context(), c.draft, store.Unguarded{})
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || !errors.Is(err, fault.ErrValidation) {
				t.Errorf("Create(%+v) = %v", c.draft, err)
				continue
			}
			var got []string
			for _, field := range f.Fields {
				got = append(got, field.Pointer)
			}
			if diff := cmp.Diff(c.wrong, got); diff != "" {
				t.Errorf("Create(%+v): %s", c.draft, diff)
			}
		}
	})
}

func TestACouponIsIssuedOncePerUserUntilItIsSoldOut(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		kim, lee, park := s.Customer(t, 0), s.Customer(t, 0), s.Customer(t, 0)
		kind := s.Coupon(t, coupons.Draft{Quantity: 2, ValidDays: 3})
		got, err := s.Coupons.Issue(t.Context(), kim, kind, store.Unguarded{})
		if err != nil || got.UserID != kim || got.Coupon.ID != kind || got.Status(got.IssuedAt) != coupon.Issued {
			t.Errorf("Issue = %+v, %v", got, err)
		}
		if good := got.ExpiresAt.Sub(got.IssuedAt); good != 72*time.Hour {
			t.Errorf("it is valid for %v, want three days", good)
		}
		s.Issue(t, lee, kind)
		for _, c := range []struct {
			what  string
			who   id.ID
			kind  id.ID
			fault error
		}{
			{"no such coupon", kim, s.IDs(), coupon.ErrNotFound},
			{"another one", kim, kind, coupon.ErrIssued}, // not sold out, although none is left
			{"too late", park, kind, coupon.ErrSoldOut},
		} {
			if err := issue(t, s, c.who, c.kind); !errors.Is(err, c.fault) {
				t.Errorf("%s: %v, want %v", c.what, err, c.fault)
			}
		}
		if n, k, p := issued(t, s, kind), len(owned(t, s, kim)), len(owned(t, s, park)); n != 2 || k != 1 || p != 0 {
			t.Errorf("%d issued, kim has %d, park %d; want 2, 1, 0", n, k, p)
		}
		s.Audit(t)
	})
}

func TestCouponsAreListedNewestFirstInPages(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		kim, lee := s.Customer(t, 0), s.Customer(t, 0)
		var has, seen []id.ID
		for range 5 {
			kind := s.Coupon(t, coupons.Draft{})
			has = append(has, s.Issue(t, kim, kind))
			s.Issue(t, lee, kind)
		}
		slices.Reverse(has)
		for cursor, first := "", true; first || cursor != ""; first = false {
			p, err := s.Coupons.List(t.Context(), kim, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range p.Items {
				seen = append(seen, o.ID)
			}
			cursor = p.Next
		}
		if diff := cmp.Diff(has, seen); diff != "" {
			t.Error(diff)
		}
		if _, err := s.Coupons.List(t.Context(), kim, 2, "x"); !errors.Is(err, page.ErrCursor) {
			t.Errorf("List = %v, want ErrCursor", err)
		}
	})
}
