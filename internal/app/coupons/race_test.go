package coupons_test

import (
	"context"
	"errors"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// count counts how many calls succeeded and how many failed with each of the two errors.
func count(t *testing.T, errs []error) (issued, again, soldOut int) {
	t.Helper()
	for _, err := range errs {
		switch {
		case err == nil:
			issued++
		case errors.Is(err, coupon.ErrIssued):
			again++
		case errors.Is(err, coupon.ErrSoldOut):
			soldOut++
		default:
			t.Errorf("issue: %v", err)
		}
	}
	return issued, again, soldOut
}

func TestAHundredCouponsGoToAHundredOfAThousandPeople(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		const people, offered = 1000, 100
		kind := s.Coupon(t, coupons.Draft{Quantity: offered})
		crowd := make([]id.ID, people)
		for i := range crowd {
			crowd[i] = s.IDs()
		}
		errs := shoptest.AtOnce(people, func(i int) error { return issue(t, s, crowd[i], kind) })
		given, again, late := count(t, errs)
		if given != offered || again != 0 || late != people-offered {
			t.Errorf("%d given, %d had one, %d too late", given, again, late)
		}
		if n := issued(t, s, kind); n != offered {
			t.Errorf("the coupon counts %d as issued", n)
		}
		for i, who := range crowd {
			want := 0
			if errs[i] == nil {
				want = 1
			}
			if has := len(owned(t, s, who)); has != want {
				t.Errorf("person %d has %d, Issue returned %v", i, has, errs[i])
			}
		}
		s.Audit(t)
	})
}

// The errors are the same whether more coupons are left or not.
func TestThirtyTwoConcurrentRequestsOfOneUserIssueOneCoupon(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		for _, quantity := range []int64{100, 1} {
			kim, kind := s.Customer(t, 0), s.Coupon(t, coupons.Draft{Quantity: quantity})
			given, again, late := count(t, shoptest.AtOnce(32, func(int) error { return issue(t, s, kim, kind) }))
			if given != 1 || again != 31 || late != 0 {
				t.Errorf("of %d: %d given, %d had one, %d too late", quantity, given, again, late)
			}
			if n, has := issued(t, s, kind), len(owned(t, s, kim)); n != 1 || has != 1 {
				t.Errorf("of %d: %d issued, kim has %d", quantity, n, has)
			}
		}
		s.Audit(t)
	})
}

// refusing is a guard whose Leave always fails.
type refusing struct{ store.Unguarded }

var errRefused = errors.New("refused")

func (refusing) Leave(context.Context, store.Tx, any) error { return errRefused }

func TestAFailingGuardRollsBack(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		kim, kind := s.Customer(t, 0), s.Coupon(t, coupons.Draft{})
		if _, err := s.Coupons.Issue(t.Context(), kim, kind, refusing{}); !errors.Is(err, errRefused) {
			t.Errorf("Issue = %v", err)
		}
		if n, has := issued(t, s, kind), len(owned(t, s, kim)); n != 0 || has != 0 {
			t.Errorf("%d issued, kim has %d", n, has)
		}
	})
}
