package cards_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	shopseed "github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

const (
	users    = 24
	products = 12
)

// stock is what a shop sells, to whom, and with which coupons.
type stock struct {
	users    []string
	products []product
	offers   []string // that every user has a coupon of
	orders   int      // that are to be placed
}

type product struct{ ID, Price int64 }

// setUp fills the shop with what this many orders need: users with points and
// coupons, and products.
func (s *shop) setUp(ctx context.Context, orders int) stock {
	s.t.Helper()
	env := wire.NewEnv(slog.New(slog.DiscardHandler))
	db, err := env.Store(ctx, s.on.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	shop := contentFor(orders, env.IDs)
	if _, err := shopseed.New(db, env.IDs, env.Clock).Seed(ctx, shop, func(int) {}); err != nil {
		s.t.Fatal(err)
	}
	st := stock{orders: orders, products: pgtest.Rows[product](ctx, s.db, `SELECT id, price FROM products ORDER BY id`)}
	for _, c := range shop.Coupons {
		st.offers = append(st.offers, c.ID.String())
	}
	for _, c := range shop.Customers {
		st.users = append(st.users, c.LoginID)
	}
	s.issueCoupons(ctx, st)
	return st
}

// contentFor returns products, offers with a coupon for every user, and users.
func contentFor(orders int, ids id.Source) (shop shopseed.Shop) {
	brand := shopseed.Brand{Name: "Cards"}
	for i := range products {
		brand.Products = append(brand.Products, shopseed.Product{
			SKU: fmt.Sprintf("thing-%d", i), Name: fmt.Sprintf("Thing %d", i), Price: money.Won(9_000 + 7_919*i), Stock: 1_000_000,
		})
	}
	shop.Brands = []shopseed.Brand{brand}
	for i := range orders/users/2 + 2 {
		offer := coupon.Coupon{ID: ids(), Name: fmt.Sprintf("Offer %d", i), Type: coupon.Fixed, Value: 3_000, Quantity: users, ValidDays: 1}
		if i%2 == 0 {
			most := money.Won(5_000)
			offer.Type, offer.Value, offer.MaxDiscount = coupon.Percent, 13, &most
		}
		shop.Coupons = append(shop.Coupons, offer)
	}
	for i := range users {
		login := fmt.Sprintf("p%d", i)
		shop.Customers = append(shop.Customers, shopseed.Customer{
			LoginID: login, Email: login + "@customers.example", BirthDate: "1990-01-01", Gender: user.Female, Points: 10_000_000,
		})
	}
	return shop
}

// issueCoupons gives every user a coupon of each offer.
func (s *shop) issueCoupons(ctx context.Context, st stock) {
	s.t.Helper()
	api := s.apis[0].Client()
	var all sync.WaitGroup
	for _, user := range st.users {
		all.Go(func() {
			for _, offer := range st.offers {
				api.Create(ctx, s.t, apiclient.IssueCoupon(user, offer), nil)
			}
		})
	}
	all.Wait()
	if s.t.Failed() {
		s.t.FailNow()
	}
}
