package checkout_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// The specification of a group is the same orders, one after the other.
func TestAGroupOfOrdersIsTheOrdersOneByOne(t *testing.T) {
	t.Parallel()
	products := regexp.MustCompile(`product [0-9]+`)
	placed, refused := 0, map[string]bool{}
	apart, together := newWorld(t), newWorld(t)
	rapid.Check(t, func(r *rapid.T) {
		wishes := rapid.SliceOfN(rapid.Custom(someWish), 1, 14).Draw(r, "wishes")
		apart.renew()
		together.renew()
		var want, got []checkout.Placement
		var requests []checkout.Request
		var guards []store.Guard
		for _, wish := range wishes {
			request, guard := apart.request(wish)
			o, err := apart.service.Place(t.Context(), request, guard)
			want = append(want, checkout.Placement{Order: o, Err: err})
			request, guard = together.request(wish)
			requests, guards = append(requests, request), append(guards, guard)
		}
		got = together.service.PlaceTogether(t.Context(), requests, guards)
		for i := range wishes {
			a, b := anID.ReplaceAllString(answer(want[i]), "#"), anID.ReplaceAllString(answer(got[i]), "#")
			if a != b {
				r.Errorf("order %d: %s, one by one: %s", i, b, a)
			}
			if want[i].Err == nil {
				placed++
			} else {
				refused[fmt.Sprintf("%T %.30s", want[i].Err, products.ReplaceAllString(want[i].Err.Error(), "product"))] = true
			}
		}
		if diff := gocmp.Diff(apart.tables(want), together.tables(got)); diff != "" {
			r.Errorf("one by one, and together: %s", diff)
		}
	})
	together.Audit(t)
	if placed < 50 || len(refused) < 8 {
		t.Errorf("%d orders were placed, with %d kinds of refusals: the test proves little: %v", placed, len(refused), refused)
	}
}

// Two programs sell the same few products to the same customers, who also cancel.
func TestTwoProgramsSellTheSameProducts(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		programs := []*checkout.Service{s.Checkout, checkout.New(s.DB, s.IDs, time.Now, payment.DefaultPolicy())}
		products := []int64{s.Product(t, 10, 40), s.Product(t, 10, 1000), s.Product(t, 10, 1000)}
		buyers := make([]id.ID, 40)
		for i := range buyers {
			buyers[i] = s.Customer(t, 1000)
		}
		sold := make([]int64, 160)
		errs := shoptest.AtOnce(len(sold), func(i int) error {
			lines := []order.Want{want(products[0], 1), want(products[1+i%2], 1)}
			if i%3 == 0 {
				lines = lines[:1]
			}
			program, buyer := programs[rand.IntN(2)], buyers[i%len(buyers)]
			o, err := program.Place(t.Context(), checkout.Request{UserID: buyer, Lines: lines}, store.Unguarded{})
			if err != nil {
				return err
			}
			if i%4 == 0 {
				_, err = program.Cancel(t.Context(), buyer, o.ID, "", store.Unguarded{})
				return err
			}
			sold[i] = 1
			return nil
		})
		var total int64
		for i, err := range errs {
			if err != nil && !errors.Is(err, product.ErrInsufficientStock) {
				t.Errorf("order %d: %v", i, err)
			}
			total += sold[i]
		}
		if left := s.Stock(t, products[0]); total+left != 40 || left < 0 {
			t.Errorf("%d are sold, %d are left of 40", total, left)
		}
		for _, p := range programs {
			if n, inLanes, lanes := p.Waiting(); n+inLanes+lanes != 0 {
				t.Errorf("%d orders wait, %d in %d lanes", n, inLanes, lanes)
			}
		}
		s.Audit(t)
	})
}
