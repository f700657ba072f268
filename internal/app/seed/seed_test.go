package seed_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// each runs the test on both engines.
func each(t *testing.T, test func(t *testing.T, db *sqlstore.DB, s *seed.Seeder)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{
		"sqlite": storetest.SQLite, "postgres": storetest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, sqlstore.Options{})
			test(t, db, seed.New(db, id.NewSource(time.Now, rand.Reader), time.Now))
		})
	}
}

func TestSeedingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqlstore.DB, s *seed.Seeder) {
		t.Helper()
		shop := seed.Demo()
		first, done := seedShop(t, s, shop)
		want := seed.Summary{Brands: seed.Count{Added: 8}, Products: seed.Count{Added: 40}, Coupons: seed.Count{Added: 2}, Customers: seed.Count{Added: 3}}
		if diff := cmp.Diff(want, first); diff != "" || done != shop.Size() {
			t.Errorf("progress %d of %d, summary (-want +got)\n%s", done, shop.Size(), diff)
		}
		before := snapshot(t, db)
		again, _ := seedShop(t, s, shop)
		want = seed.Summary{Brands: seed.Count{Before: 8}, Products: seed.Count{Before: 40}, Coupons: seed.Count{Before: 2}, Customers: seed.Count{Before: 3}}
		if diff := cmp.Diff(want, again); diff != "" {
			t.Errorf("the second time (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(before, snapshot(t, db)); diff != "" {
			t.Errorf("the second time changed something (-before +after)\n%s", diff)
		}
		auditLedgers(t, db)
	})
}

func TestSeedingCanBeStoppedAndContinued(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqlstore.DB, s *seed.Seeder) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		calls := 0
		_, err := s.Seed(ctx, seed.Demo(), func(int) {
			calls++
			if calls == 5 {
				stop()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Seed = %v, want context.Canceled", err)
		}
		sum, _ := seedShop(t, s, seed.Demo())
		if sum.Products.Before == 0 || sum.Products.Added == 0 || sum.Products.Before+sum.Products.Added != 40 {
			t.Errorf("products: %+v", sum.Products)
		}
		auditLedgers(t, db)
	})
}

func TestTheDemoShopIsValid(t *testing.T) {
	t.Parallel()
	skus := map[string]bool{}
	for _, b := range seed.Demo().Brands {
		for _, p := range b.Products {
			skus[p.SKU] = true
			sold := product.Product{BrandID: 1, Name: p.Name, Description: p.Description, Price: p.Price, Status: product.OnSale}
			if _, err := sold.Clean(); err != nil || p.Stock <= 0 {
				t.Errorf("%s: %v, stock %d", p.Name, err, p.Stock)
			}
		}
	}
	for _, c := range seed.Demo().Coupons {
		if _, err := c.Clean(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if len(skus) != 40 {
		t.Errorf("%d SKUs for 40 products", len(skus))
	}
}

func seedShop(t *testing.T, s *seed.Seeder, shop seed.Shop) (sum seed.Summary, done int) {
	t.Helper()
	sum, err := s.Seed(t.Context(), shop, func(n int) { done += n })
	if err != nil {
		t.Fatal(err)
	}
	return sum, done
}

// snapshot returns all products and the number of events in the outbox.
func snapshot(t *testing.T, db store.DB) (state struct {
	Products []product.Listing
	Backlog  int64
},
) {
	t.Helper()
	err := db.View(t.Context(), func(tx store.Tx) (err error) {
		if state.Products, err = tx.Products.List(t.Context(), product.Query{Sort: product.Latest}, 1000); err != nil {
			return err
		}
		state.Backlog, _, err = tx.Outbox.Backlog(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// auditLedgers checks that balances and stock match their ledgers.
func auditLedgers(t *testing.T, db store.DB) {
	t.Helper()
	results, err := verify.New(db).Once(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Check != "outbox" && !r.Right() {
			t.Errorf("%s: %+v", r.Check, r.Differences)
		}
	}
}
