package cards_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

const (
	users    = 24
	products = 12
	admin    = "admin"
)

// stock is what a shop sells, to whom, and with which coupons.
type stock struct {
	users    []string
	products []apiclient.Product
	offers   []string // that every user has a coupon of
	orders   int      // that are to be placed
}

// setUp fills the shop with what this many orders need: users with points and
// coupons, and products.
func (s *shop) setUp(ctx context.Context, orders int) stock {
	s.t.Helper()
	st := stock{orders: orders}
	s.create(ctx, apiclient.SignUp(admin), nil)
	s.commerce("user", "grant", admin, "admin")
	st.products, st.offers = s.createProducts(ctx), s.createOffers(ctx, orders/users/2+2)
	var all sync.WaitGroup
	for i := range users {
		user := fmt.Sprintf("p%d", i)
		st.users = append(st.users, user)
		all.Go(func() { s.createUser(ctx, user, st.offers) })
	}
	all.Wait()
	if s.t.Failed() {
		s.t.FailNow()
	}
	return st
}

func (s *shop) createProducts(ctx context.Context) (all []apiclient.Product) {
	s.t.Helper()
	var brand struct{ ID int64 }
	s.create(ctx, apiclient.Post(admin, "/admin/v1/brands", map[string]any{"name": "Cards"}), &brand)
	for i := range products {
		var made apiclient.Product
		s.create(ctx, apiclient.Post(admin, "/admin/v1/products", map[string]any{
			"brandId": brand.ID, "name": fmt.Sprintf("Thing %d", i), "price": 9_000 + 7_919*i, "stock": 1_000_000,
		}), &made)
		all = append(all, made)
	}
	return all
}

// createOffers creates offers with a coupon for every user.
func (s *shop) createOffers(ctx context.Context, n int) (ids []string) {
	s.t.Helper()
	for i := range n {
		offer := map[string]any{"name": fmt.Sprintf("Offer %d", i), "type": "FIXED", "value": 3_000, "quantity": users, "validDays": 1}
		if i%2 == 0 {
			offer["type"], offer["value"], offer["maxDiscount"] = "PERCENT", 13, 5_000
		}
		var made struct{ ID string }
		s.create(ctx, apiclient.Post(admin, "/admin/v1/coupons", offer), &made)
		ids = append(ids, made.ID)
	}
	return ids
}

// createUser creates a user with points and a coupon of each offer.
func (s *shop) createUser(ctx context.Context, user string, offers []string) {
	s.t.Helper()
	s.create(ctx, apiclient.SignUp(user), nil)
	s.create(ctx, apiclient.Charge(user, 10_000_000), nil)
	for _, offer := range offers {
		s.create(ctx, apiclient.IssueCoupon(user, offer), nil)
	}
}

func (s *shop) create(ctx context.Context, q apiclient.Request, v any) {
	s.t.Helper()
	s.apis[0].Client().Create(ctx, s.t, q, v)
}
