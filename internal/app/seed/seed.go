// Package seed adds brands, products, coupons and customers to a shop. Rows that already
// exist (by brand name, SKU, id or loginId) stay as they are, so seeding is idempotent.
package seed

import (
	"context"
	"errors"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
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

func (s *Seeder) seedBrand(ctx context.Context, b Brand) (brandID int64, added int, err error) {
	err = s.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		found, err := tx.Brands.ByName(ctx, b.Name)
		if errors.Is(err, product.ErrBrandNotFound) {
			added = 1
			found, err = tx.Brands.Add(ctx, product.Brand{Name: b.Name, Description: b.Description})
		}
		brandID = found.ID
		return err
	})
	return brandID, added, err
}

// seedProducts adds the products of a batch that do not exist yet.
func (s *Seeder) seedProducts(ctx context.Context, brandID int64, batch []Product) (added int, err error) {
	skus := make([]string, len(batch))
	for i, w := range batch {
		skus[i] = w.SKU
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		existing, err := tx.Products.BySKU(ctx, skus)
		if err != nil {
			return err
		}
		for _, w := range batch {
			if _, ok := existing[w.SKU]; ok {
				continue
			}
			if err := s.addProduct(ctx, tx, brandID, w); err != nil {
				return err
			}
			added++
		}
		return nil
	})
	return added, err
}

func (s *Seeder) addProduct(ctx context.Context, tx store.Tx, brandID int64, w Product) error {
	now := s.now()
	created, err := tx.Products.Add(ctx, product.Product{
		SKU: w.SKU, BrandID: brandID, Name: w.Name, Description: w.Description,
		Price: w.Price, Status: product.OnSale, CreatedAt: now,
	})
	if err != nil {
		return err
	}
	if w.Stock > 0 {
		tx.Stocks.Save(product.StockOf(created.ID, w.Stock), product.Movement{
			ProductID: created.ID, Delta: w.Stock, Quantity: w.Stock, Reason: product.Initial, At: now,
		})
	}
	tx.Outbox.Append(ctx, created.Changed())
	return nil
}

// seedCoupons adds the coupons of a batch that do not exist yet.
func (s *Seeder) seedCoupons(ctx context.Context, batch []coupon.Coupon) (added int, err error) {
	err = s.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		for _, c := range batch {
			_, err := tx.Coupons.Get(ctx, c.ID)
			if errors.Is(err, coupon.ErrNotFound) {
				c.CreatedAt, err = s.now(), nil
				tx.Coupons.Add(c)
				added++
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return added, err
}

// seedCustomers adds the customers of a batch that do not exist yet.
func (s *Seeder) seedCustomers(ctx context.Context, batch []Customer) (added int, err error) {
	logins := make([]string, len(batch))
	for i, c := range batch {
		logins[i] = c.LoginID
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		existing, err := tx.Users.Known(ctx, logins)
		if err != nil {
			return err
		}
		for _, c := range batch {
			if _, ok := existing[c.LoginID]; !ok {
				s.addCustomer(tx, c)
				added++
			}
		}
		return nil
	})
	return added, err
}

func (s *Seeder) addCustomer(tx store.Tx, c Customer) {
	u := user.New(user.Application{LoginID: c.LoginID, Email: c.Email, BirthDate: c.BirthDate, Gender: c.Gender},
		s.ids(), c.PasswordHash, s.now())
	tx.Users.Add(u)
	tx.Points.Open(u.ID)
	if c.Points > 0 {
		w := point.WalletOf(u.ID, c.Points)
		tx.Points.Save(w, point.Entry{
			ID: s.ids(), UserID: u.ID, Type: point.Charge, Amount: c.Points, Balance: c.Points, At: u.CreatedAt,
		})
	}
}
