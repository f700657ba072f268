// Package seed adds brands, products, coupons and customers to a shop. Rows that already
// exist (by brand name, SKU, id or loginId) stay as they are, so seeding is idempotent.
package seed

import (
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Shop is the data to seed.
type Shop struct {
	Brands    []Brand
	Coupons   []coupon.Coupon // CreatedAt is set when they are added
	Customers []Customer
}

// Brand is a brand with its products.
type Brand struct {
	Name, Description string
	Products          []Product
}

// Product is a product with its initial stock.
type Product struct {
	SKU, Name, Description string
	Price                  money.Won
	Stock                  int64
}

// Customer is a user. Without a PasswordHash the user cannot log in.
type Customer struct {
	LoginID, Email, BirthDate string
	Gender                    user.Gender
	PasswordHash              string
	Points                    money.Won // initial balance
}

// Size is the total number of brands, products, coupons and customers.
func (s Shop) Size() int {
	n := len(s.Brands) + len(s.Coupons) + len(s.Customers)
	for _, b := range s.Brands {
		n += len(b.Products)
	}
	return n
}

// Count is the number of rows that were added and of those that existed before.
type Count struct {
	Added  int `json:"added"`
	Before int `json:"before"`
}

// Summary is the result of seeding.
type Summary struct {
	Brands    Count `json:"brands"`
	Products  Count `json:"products"`
	Coupons   Count `json:"coupons"`
	Customers Count `json:"customers"`
}

// batchSize is the number of rows per transaction: large enough to make the cost of a commit
// small, and small enough not to delay readers of the outbox.
const batchSize = 200

// Seeder seeds a database.
type Seeder struct {
	db  store.DB
	ids id.Source
	now clock.Clock
}

// New returns a seeder.
func New(db store.DB, ids id.Source, now clock.Clock) *Seeder { return &Seeder{db, ids, now} }

// Seed adds the data and calls progress with the number of rows after each batch. It can be
// stopped by ctx and called again.
func (s *Seeder) Seed(ctx context.Context, shop Shop, progress func(int)) (sum Summary, err error) {
	for _, b := range shop.Brands {
		if err := s.seedCatalog(ctx, b, &sum, progress); err != nil {
			return sum, err
		}
	}
	if err := inBatches(shop.Coupons, &sum.Coupons, progress, func(batch []coupon.Coupon) (int, error) {
		return s.seedCoupons(ctx, batch)
	}); err != nil {
		return sum, err
	}
	err = inBatches(shop.Customers, &sum.Customers, progress, func(batch []Customer) (int, error) {
		return s.seedCustomers(ctx, batch)
	})
	return sum, err
}

// seedCatalog adds a brand and its products.
func (s *Seeder) seedCatalog(ctx context.Context, b Brand, sum *Summary, progress func(int)) error {
	brandID, added, err := s.seedBrand(ctx, b)
	if err != nil {
		return err
	}
	sum.Brands.add(added, 1)
	progress(1)
	return inBatches(b.Products, &sum.Products, progress, func(batch []Product) (int, error) {
		return s.seedProducts(ctx, brandID, batch)
	})
}

func (c *Count) add(added, of int) {
	c.Added += added
	c.Before += of - added
}

// inBatches calls seed with one batch after another, counts the added rows and reports progress.
func inBatches[T any](all []T, count *Count, progress func(int), seed func([]T) (added int, err error)) error {
	for batch := range slices.Chunk(all, batchSize) {
		added, err := seed(batch)
		if err != nil {
			return err
		}
		count.add(added, len(batch))
		progress(len(batch))
	}
	return nil
}
