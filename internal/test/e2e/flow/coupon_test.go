package flow_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// createOffer creates coupons that take 300 won off, and returns the id of the offer.
func (s *shop) createOffer(t *testing.T, quantity int64) string {
	t.Helper()
	c, err := coupons.New(s.db, s.env.IDs, s.env.Clock).Create(t.Context(), coupons.Draft{
		Name: "Welcome", Type: coupon.Fixed, Value: 300, Quantity: quantity, ValidDays: 1,
	}, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID.String()
}

// seedUsers creates users: c0, c1 and so on.
func (s *shop) seedUsers(t *testing.T, people int) {
	t.Helper()
	var all seed.Shop
	for i := range people {
		all.Customers = append(all.Customers, seed.Customer{
			LoginID: fmt.Sprintf("c%d", i), Email: fmt.Sprintf("c%d@customers.example", i), BirthDate: "1990-01-01", Gender: user.Female,
		})
	}
	if _, err := seed.New(s.db, s.env.IDs, s.env.Clock).Seed(t.Context(), all, func(int) {}); err != nil {
		t.Fatal(err)
	}
}

// A thousand people ask over 32 connections, most of them before it is sold out.
func TestAHundredCouponsGoToAHundredOfAThousandPeople(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		const people, connections = 1000, 32
		s.seedUsers(t, people)
		offer := s.createOffer(t, 100)
		answers := make([]apiclient.Response, people)
		together(t, connections, func(i int) (a apiclient.Response, err error) {
			for n := i; n < people && err == nil; n += connections {
				answers[n], err = s.do(t.Context(), apiclient.IssueCoupon(fmt.Sprintf("c%d", n), offer))
			}
			return a, err
		})
		if counts := tally(answers); counts["201"] != 100 || counts["409 COUPON_SOLD_OUT"] != 900 {
			t.Errorf("answers: %v, want 100 coupons, and 900 times COUPON_SOLD_OUT", counts)
		}
		for n, a := range answers {
			user := fmt.Sprintf("c%d", n)
			if a.Status != http.StatusCreated {
				continue
			}
			if owned := s.coupons(t, user); len(owned) != 1 {
				t.Errorf("%s was answered 201, and has %d coupons", user, len(owned))
			}
		}
		if n := s.issued(t, offer); n != 100 { // verify compares it with the coupons of all users
			t.Errorf("%d coupons were issued, want 100", n)
		}
		s.verify(t)
	})
}

func TestOnePersonWhoAsksThirtyTwoTimesAtOnceHasOneCoupon(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		for _, quantity := range []int64{100, 1} {
			offer := s.createOffer(t, quantity)
			counts := tally(together(t, 32, func(int) (apiclient.Response, error) {
				return s.do(t.Context(), apiclient.IssueCoupon("u1", offer))
			}))
			if counts["201"] != 1 || counts["409 COUPON_ALREADY_ISSUED"] != 31 {
				t.Errorf("of %d: %v, want one, and 31 times COUPON_ALREADY_ISSUED", quantity, counts)
			}
		}
		if owned := s.coupons(t, "u1"); len(owned) != 2 {
			t.Errorf("%d coupons, want one of each offer", len(owned))
		}
		s.verify(t)
	})
}

func TestOneCouponPaysForOneOfThirtyTwoOrders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		order := apiclient.Buy(1, 1)
		order.Coupon = s.createOffer(t, 1)
		s.must(t, http.StatusCreated, apiclient.IssueCoupon("u1", order.Coupon), nil)
		answers := together(t, 32, func(int) (apiclient.Response, error) {
			return s.do(t.Context(), order.Request("u1", ""))
		})
		if counts := tally(answers); counts["201"] != 1 || counts["409 COUPON_ALREADY_USED"] != 31 {
			t.Errorf("answers: %v, want one order, and 31 times COUPON_ALREADY_USED", counts)
		}
		var wallet apiclient.Wallet
		s.must(t, http.StatusOK, apiclient.Points("u1"), &wallet)
		if wallet.Balance != 10_000_000-700 {
			t.Errorf("%d won are left", wallet.Balance)
		}
		if owned := s.coupons(t, "u1"); len(owned) != 1 || owned[0].Status != "USED" || owned[0].OrderID == nil {
			t.Errorf("coupons: %+v", owned)
		}
		s.verify(t)
	})
}

// coupons returns the coupons of a user.
func (s *shop) coupons(t *testing.T, user string) []apiclient.OwnedCoupon {
	t.Helper()
	var list struct{ Items []apiclient.OwnedCoupon }
	s.must(t, http.StatusOK, apiclient.Get(user, "/api/v1/users/me/coupons"), &list)
	return list.Items
}

// issued returns how many coupons of an offer were issued.
func (s *shop) issued(t *testing.T, offer string) (n int64) {
	t.Helper()
	which, err := id.Parse(offer)
	if err != nil {
		t.Fatal(err)
	}
	err = s.db.View(t.Context(), func(tx store.Tx) error {
		c, err := tx.Coupons.Get(t.Context(), which)
		n = c.Issued
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
