package flow_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// coupon offers coupons that take 300 won off, and returns their id.
func (s *shop) coupon(t *testing.T, quantity int64) string {
	t.Helper()
	c, err := coupons.New(s.db, s.world.IDs, s.world.Clock).Create(t.Context(), coupons.Draft{
		Name: "Welcome", Type: coupon.Fixed, Value: 300, Quantity: quantity, ValidDays: 1,
	}, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID.String()
}

// crowd is people of whom none has been here before: c0, c1 and so on.
func (s *shop) crowd(t *testing.T, people int) {
	t.Helper()
	var all seed.Shop
	for i := range people {
		all.Customers = append(all.Customers, seed.Customer{
			LoginID: fmt.Sprintf("c%d", i), Email: fmt.Sprintf("c%d@customers.example", i), BirthDate: "1990-01-01", Gender: user.Female,
		})
	}
	if _, err := seed.New(s.db, s.world.IDs, s.world.Clock).Seed(t.Context(), all, func(int) {}); err != nil {
		t.Fatal(err)
	}
}

// A thousand people come over 32 connections, most of them before it is sold out.
func TestAHundredCouponsGoToAHundredOfAThousandPeople(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		const people, connections = 1000, 32
		s.crowd(t, people)
		path := "/api/v1/coupons/" + s.coupon(t, 100) + "/issue"
		answers := make([]answer, people)
		s.together(t, connections, func(i int) (a answer, err error) {
			for n := i; n < people && err == nil; n += connections {
				answers[n], err = s.ask(t.Context(), fmt.Sprintf("c%d", n), http.MethodPost, path, "")
			}
			return a, err
		})
		if counts := tally(t, answers); counts["201"] != 100 || counts["409 COUPON_SOLD_OUT"] != 900 {
			t.Errorf("answers: %v, want 100 coupons, and 900 times COUPON_SOLD_OUT", counts)
		}
		for n, a := range answers {
			want := 0
			if a.status == http.StatusCreated {
				want = 1
			}
			if has := s.coupons(t, fmt.Sprintf("c%d", n)); len(has) != want {
				t.Errorf("c%d was told %d, and has %d", n, a.status, len(has))
			}
		}
		s.verify(t)
	})
}

func TestOnePersonWhoAsksThirtyTwoTimesAtOnceHasOneCoupon(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		for _, quantity := range []int64{100, 1} {
			path := "/api/v1/coupons/" + s.coupon(t, quantity) + "/issue"
			counts := tally(t, s.together(t, 32, func(int) (answer, error) {
				return s.ask(t.Context(), "u1", http.MethodPost, path, "")
			}))
			if counts["201"] != 1 || counts["409 COUPON_ALREADY_ISSUED"] != 31 {
				t.Errorf("of %d: %v, want one, and 31 times COUPON_ALREADY_ISSUED", quantity, counts)
			}
		}
		if has := s.coupons(t, "u1"); len(has) != 2 {
			t.Errorf("%d coupons, want one of each kind", len(has))
		}
		s.verify(t)
	})
}

func TestOneCouponPaysForOneOfThirtyTwoOrders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		kind := s.coupon(t, 1)
		s.must(t, http.StatusCreated, "u1", http.MethodPost, "/api/v1/coupons/"+kind+"/issue", "")
		order := fmt.Sprintf(`{"items":[{"productId":1,"quantity":1}],"couponId":%q}`, kind)
		answers := s.together(t, 32, func(int) (answer, error) {
			return s.ask(t.Context(), "u1", http.MethodPost, "/api/v1/orders", order)
		})
		if counts := tally(t, answers); counts["201"] != 1 || counts["409 COUPON_ALREADY_USED"] != 31 {
			t.Errorf("answers: %v, want one order, and 31 times COUPON_ALREADY_USED", counts)
		}
		var points struct{ Balance int64 }
		s.must(t, http.StatusOK, "u1", http.MethodGet, "/api/v1/points", "").into(t, &points)
		if points.Balance != 10_000_000-700 {
			t.Errorf("%d won are left", points.Balance)
		}
		if has := s.coupons(t, "u1"); len(has) != 1 || has[0].Status != "USED" || has[0].OrderID == nil {
			t.Errorf("coupons: %+v", has)
		}
		s.verify(t)
	})
}

// has is a coupon of a user.
type has struct {
	Status  string
	OrderID *string
}

func (s *shop) coupons(t *testing.T, who string) []has {
	t.Helper()
	var list struct{ Items []has }
	s.must(t, http.StatusOK, who, http.MethodGet, "/api/v1/users/me/coupons", "").into(t, &list)
	return list.Items
}
