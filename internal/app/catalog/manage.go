package catalog

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Draft is the input of CreateProduct.
type Draft struct {
	BrandID           int64
	Name, Description string
	Price             money.Won
	Stock             int64 // initial stock in pieces, 0 or more
}

// Edit is a partial change of a product. A nil field stays as it is.
type Edit struct {
	BrandID           *int64
	Name, Description *string
	Price             *money.Won
	Status            *product.Status // product.OnSale or product.Hidden
}

// CreateBrand adds a brand, or returns product.ErrBrandNameTaken.
func (s *Service) CreateBrand(ctx context.Context, b product.Brand) (created product.Brand, err error) {
	if b, err = b.Clean(); err != nil {
		return created, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		created, err = tx.Brands.Add(ctx, b)
		return err
	})
	return created, err
}

// CreateProduct adds a product that is on sale, or returns product.ErrBrandNotFound.
func (s *Service) CreateProduct(ctx context.Context, draft Draft, guard store.Guard) (created product.Listing, err error) {
	p, err := draft.product(s.now())
	if err != nil {
		return created, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		brand, err := tx.Brands.Get(ctx, p.BrandID)
		if err != nil {
			return err
		}
		added, err := tx.Products.Add(ctx, p)
		if err != nil {
			return err
		}
		saveInitialStock(tx, added, draft.Stock)
		tx.Outbox.Append(p.CreatedAt, added.Changed())
		created = product.Listing{Product: added, BrandName: brand.Name, Stock: draft.Stock}
		return guard.Leave(ctx, tx, created)
	})
	return created, err
}

// product returns the new product, or fault.ErrValidation.
func (draft Draft) product(now time.Time) (product.Product, error) {
	p, err := product.Product{
		BrandID: draft.BrandID, Name: draft.Name, Description: draft.Description,
		Price: draft.Price, Status: product.OnSale, CreatedAt: now,
	}.Clean()
	var c fault.Check
	c.That(draft.Stock >= 0 && draft.Stock <= product.MaxStock, "/stock", "must be 0 to %d", product.MaxStock)
	return p, fault.Join(err, c.Err())
}

func saveInitialStock(tx store.Tx, p product.Product, pieces int64) {
	if pieces == 0 {
		return // nothing moved
	}
	tx.Stocks.Save(product.StockOf(p.ID, pieces), product.Movement{
		ProductID: p.ID, Delta: pieces, Quantity: pieces, Reason: product.Initial, At: p.CreatedAt,
	})
}

// ChangeProduct changes a product. An edit that changes nothing publishes no event.
func (s *Service) ChangeProduct(ctx context.Context, productID int64, edit Edit) (product.Listing, error) {
	edit, err := edit.clean()
	if err != nil {
		return product.Listing{}, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		before, err := tx.Products.Lock(ctx, productID)
		if err != nil {
			return err
		}
		after := edit.apply(before)
		if err := after.Check(); err != nil || after == before {
			return err
		}
		if _, err := tx.Brands.Get(ctx, after.BrandID); err != nil {
			return err
		}
		tx.Products.Save(after)
		tx.Outbox.Append(s.now(), after.Changed())
		return nil
	})
	if err != nil {
		return product.Listing{}, err
	}
	return s.listing(ctx, productID)
}

// clean returns the edit with its texts as they are stored, or fault.ErrValidation.
func (e Edit) clean() (Edit, error) {
	var c fault.Check
	if e.Name != nil {
		e.Name = new(product.CleanName(&c, *e.Name))
	}
	if e.Description != nil {
		e.Description = new(product.CleanDescription(&c, *e.Description))
	}
	return e, c.Err()
}

func (e Edit) apply(p product.Product) product.Product {
	setIfPresent(&p.BrandID, e.BrandID)
	setIfPresent(&p.Name, e.Name)
	setIfPresent(&p.Description, e.Description)
	setIfPresent(&p.Price, e.Price)
	setIfPresent(&p.Status, e.Status)
	return p
}

func setIfPresent[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// AdjustStock adds or removes stock on behalf of an admin. It returns
// product.ErrInsufficientStock if it would remove more than is left.
func (s *Service) AdjustStock(ctx context.Context, productID int64, a product.Adjustment, guard store.Guard) (updated product.Listing, err error) {
	if a, err = a.Clean(); err != nil {
		return updated, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		stocks, err := tx.Stocks.Lock(ctx, []int64{productID})
		if err != nil {
			return err
		}
		if len(stocks) == 0 {
			return product.Unknown(productID)
		}
		if updated, err = tx.Products.Get(ctx, productID); err != nil {
			return err
		}
		if updated.Stock, err = s.adjust(tx, stocks[0], a); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, updated)
	})
	return updated, err
}

func (s *Service) adjust(tx store.Tx, before product.Stock, a product.Adjustment) (left int64, err error) {
	after, err := a.Apply(before)
	if err != nil {
		return 0, err
	}
	pid, at := after.ProductID(), s.now()
	tx.Stocks.Save(after, product.Movement{
		ProductID: pid, Delta: a.Delta, Quantity: after.Quantity(), Reason: product.Adjusted, Note: a.Note, At: at,
	})
	tx.Outbox.Append(at, event.NewStockAdjusted(pid, a.Delta, after.Quantity(), a.Note))
	if after.Quantity() == 0 {
		tx.Outbox.Append(at, event.NewStockDepleted(pid))
	}
	return after.Quantity(), nil
}
