package seed

import (
	"context"
	"errors"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// seedBrand adds a brand unless its name exists.
func (s *Seeder) seedBrand(ctx context.Context, b Brand) (brandID int64, added int, err error) {
	clean, err := product.Brand{Name: b.Name, Description: b.Description}.Clean()
	if err != nil {
		return 0, 0, fmt.Errorf("brand %q: %w", b.Name, err)
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		found, err := tx.Brands.ByName(ctx, clean.Name)
		if errors.Is(err, product.ErrBrandNotFound) {
			added = 1
			found, err = tx.Brands.Add(ctx, clean)
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
	clean, err := product.Product{
		SKU: w.SKU, BrandID: brandID, Name: w.Name, Description: w.Description,
		Price: w.Price, Status: product.OnSale, CreatedAt: now,
	}.Clean()
	if err != nil {
		return fmt.Errorf("product %s: %w", w.SKU, err)
	}
	created, err := tx.Products.Add(ctx, clean)
	if err != nil {
		return err
	}
	if w.Stock > 0 {
		tx.Stocks.Save(product.StockOf(created.ID, w.Stock), product.Movement{
			ProductID: created.ID, Delta: w.Stock, Quantity: w.Stock, Reason: product.Initial, At: now,
		})
	}
	tx.Outbox.Append(now, created.Changed())
	return nil
}

// seedCoupons adds the coupons of a batch that do not exist yet.
func (s *Seeder) seedCoupons(ctx context.Context, batch []coupon.Coupon) (added int, err error) {
	err = s.db.Update(ctx, func(tx store.Tx) error {
		added = 0
		for _, c := range batch {
			_, err := tx.Coupons.Get(ctx, c.ID)
			if errors.Is(err, coupon.ErrNotFound) {
				c.CreatedAt = s.now()
				c, err = c.Clean()
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
