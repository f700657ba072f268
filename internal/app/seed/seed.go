// Package seed fills a shop with brands, products, coupons and customers. What
// is there already, by brand name, SKU, id or loginId, is left as it is, so that
// seeding twice changes nothing.
package seed

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Shop is what to fill a shop with.
type Shop struct {
	Brands    []Brand
	Coupons   []coupon.Coupon // on offer from when they are planted
	Customers []Customer
}

// Brand is a brand with its products.
type Brand struct {
	Name, Description string
	Products          []Product
}

// Product is a product and how much of it is put on the shelf.
type Product struct {
	SKU, Name, Description string
	Price                  money.Won
	Stock                  int64
}

// Customer is a user, who may have no password and cannot log in then.
type Customer struct {
	LoginID, Email, BirthDate string
	Gender                    user.Gender
	PasswordHash              string
	Points                    money.Won // to begin with
}

// Size is how many brands, products, coupons and customers there are in all.
func (s Shop) Size() int {
	n := len(s.Brands) + len(s.Coupons) + len(s.Customers)
	for _, b := range s.Brands {
		n += len(b.Products)
	}
	return n
}

// Count is how many things were added, and how many were there before.
type Count struct {
	Added  int `json:"added"`
	Before int `json:"before"`
}

// Summary is what seeding did.
type Summary struct {
	Brands    Count `json:"brands"`
	Products  Count `json:"products"`
	Coupons   Count `json:"coupons"`
	Customers Count `json:"customers"`
}

// chunk is how many things share a transaction: enough that the commits do not
// count, few enough that a reader of the outbox is not kept waiting.
const chunk = 200

// Seeder fills shops.
type Seeder struct {
	db  store.DB
	ids id.Source
	now clock.Clock
}

// New returns a planter.
func New(db store.DB, ids id.Source, now clock.Clock) *Seeder { return &Seeder{db, ids, now} }

// Seed fills the shop and calls progress with how many more things are done.
// It can be stopped and called again.
func (p *Seeder) Seed(ctx context.Context, s Shop, progress func(int)) (sum Summary, err error) {
	for _, b := range s.Brands {
		brandID, added, err := p.brand(ctx, b)
		if err != nil {
			return sum, err
		}
		sum.Brands.note(added, 1)
		progress(1)
		if err := inChunks(b.Products, func(part []Product) error {
			n, err := p.products(ctx, brandID, part)
			sum.Products.note(n, len(part))
			progress(len(part))
			return err
		}); err != nil {
			return sum, err
		}
	}
	if err := inChunks(s.Coupons, func(part []coupon.Coupon) error {
		n, err := p.coupons(ctx, part)
		sum.Coupons.note(n, len(part))
		progress(len(part))
		return err
	}); err != nil {
		return sum, err
	}
	err = inChunks(s.Customers, func(part []Customer) error {
		n, err := p.customers(ctx, part)
		sum.Customers.note(n, len(part))
		progress(len(part))
		return err
	})
	return sum, err
}

func (c *Count) note(added, of int) {
	c.Added += added
	c.Before += of - added
}

func inChunks[T any](all []T, do func([]T) error) error {
	for len(all) > 0 {
		n := min(chunk, len(all))
		if err := do(all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func (p *Seeder) brand(ctx context.Context, b Brand) (brandID int64, added int, err error) {
	err = p.db.Update(ctx, func(tx store.Tx) error {
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

// products adds what is missing of a chunk of products of a brand.
func (p *Seeder) products(ctx context.Context, brandID int64, part []Product) (added int, err error) {
	skus := make([]string, len(part))
	for i, w := range part {
		skus[i] = w.SKU
	}
	err = p.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		there, err := tx.Products.BySKU(ctx, skus)
		if err != nil {
			return err
		}
		for _, w := range part {
			if _, ok := there[w.SKU]; ok {
				continue
			}
			if err := p.product(ctx, tx, brandID, w); err != nil {
				return err
			}
			added++
		}
		return nil
	})
	return added, err
}

func (p *Seeder) product(ctx context.Context, tx store.Tx, brandID int64, w Product) error {
	now := p.now()
	made, err := tx.Products.Add(ctx, product.Product{
		SKU: w.SKU, BrandID: brandID, Name: w.Name, Description: w.Description,
		Price: w.Price, Status: product.OnSale, CreatedAt: now,
	})
	if err != nil {
		return err
	}
	if w.Stock > 0 {
		tx.Stocks.Save(product.StockOf(made.ID, w.Stock), product.Movement{
			ProductID: made.ID, Delta: w.Stock, Quantity: w.Stock, Reason: product.Initial, At: now,
		})
	}
	tx.Outbox.Append(made.Changed())
	return nil
}

// coupons offers those of a chunk of coupons that are not there yet.
func (p *Seeder) coupons(ctx context.Context, part []coupon.Coupon) (added int, err error) {
	err = p.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		for _, c := range part {
			_, err := tx.Coupons.Get(ctx, c.ID)
			if errors.Is(err, coupon.ErrNotFound) {
				c.CreatedAt, err = p.now(), nil
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

// customers adds those of a chunk of customers who are not there yet.
func (p *Seeder) customers(ctx context.Context, part []Customer) (added int, err error) {
	logins := make([]string, len(part))
	for i, c := range part {
		logins[i] = c.LoginID
	}
	err = p.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		there, err := tx.Users.Known(ctx, logins)
		if err != nil {
			return err
		}
		for _, c := range part {
			if _, ok := there[c.LoginID]; !ok {
				p.customer(tx, c)
				added++
			}
		}
		return nil
	})
	return added, err
}

func (p *Seeder) customer(tx store.Tx, c Customer) {
	u := user.New(user.Application{LoginID: c.LoginID, Email: c.Email, BirthDate: c.BirthDate, Gender: c.Gender},
		p.ids(), c.PasswordHash, p.now())
	tx.Users.Add(u)
	tx.Points.Open(u.ID)
	if c.Points > 0 {
		w := point.WalletOf(u.ID, c.Points)
		tx.Points.Save(w, point.Entry{
			ID: p.ids(), UserID: u.ID, Type: point.Charge, Amount: c.Points, Balance: c.Points, At: u.CreatedAt,
		})
	}
}
