package catalog

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Draft is a product to be put up for sale.
type Draft struct {
	BrandID           int64
	Name, Description string
	Price             money.Won
	Stock             int64 // pieces on the shelf to begin with, 0 or more
}

// Edit says what of a product changes; what is nil stays.
type Edit struct {
	BrandID           *int64
	Name, Description *string
	Price             *money.Won
	Status            *product.Status // product.OnSale or product.Hidden
}

// CreateBrand adds a brand, or ends in product.ErrBrandNameTaken.
func (d *Service) CreateBrand(ctx context.Context, b product.Brand) (made product.Brand, err error) {
	if err := b.Check(); err != nil {
		return made, err
	}
	err = d.db.Update(ctx, func(tx store.Tx) error {
		made, err = tx.Brands.Add(ctx, b)
		return err
	})
	return made, err
}

// CreateProduct puts a product up for sale, or ends in product.ErrBrandNotFound.
func (d *Service) CreateProduct(ctx context.Context, draft Draft, guard store.Guard) (made product.Listing, err error) {
	p := product.Product{
		BrandID: draft.BrandID, Name: draft.Name, Description: draft.Description,
		Price: draft.Price, Status: product.OnSale, CreatedAt: d.now(),
	}
	if err := draft.check(p); err != nil {
		return made, err
	}
	err = d.db.Update(ctx, func(tx store.Tx) error {
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
		stockUp(tx, added, draft.Stock)
		tx.Outbox.Append(added.Changed())
		made = product.Listing{Product: added, BrandName: brand.Name, Stock: draft.Stock}
		return guard.Leave(ctx, tx, made)
	})
	return made, err
}

func (draft Draft) check(p product.Product) error {
	var c fault.Check
	c.That(draft.Stock >= 0 && draft.Stock <= product.MaxStock, "/stock", "must be 0 to %d", product.MaxStock)
	return fault.Join(p.Check(), c.Err())
}

func stockUp(tx store.Tx, p product.Product, pieces int64) {
	if pieces == 0 {
		return // nothing moved
	}
	tx.Stocks.Save(product.StockOf(p.ID, pieces), product.Movement{
		ProductID: p.ID, Delta: pieces, Quantity: pieces, Reason: product.Initial, At: p.CreatedAt,
	})
}

// ChangeProduct changes a product. An edit that changes nothing tells nobody.
func (d *Service) ChangeProduct(ctx context.Context, productID int64, edit Edit) (product.Listing, error) {
	err := d.db.Update(ctx, func(tx store.Tx) error {
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
		tx.Outbox.Append(after.Changed())
		return nil
	})
	if err != nil {
		return product.Listing{}, err
	}
	return d.listing(ctx, productID)
}

func (e Edit) apply(p product.Product) product.Product {
	set(&p.BrandID, e.BrandID)
	set(&p.Name, e.Name)
	set(&p.Description, e.Description)
	set(&p.Price, e.Price)
	set(&p.Status, e.Status)
	return p
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// AdjustStock puts stock in or takes it out by hand. It ends in
// product.ErrInsufficientStock where more would be taken than is left.
func (d *Service) AdjustStock(ctx context.Context, productID int64, a product.Adjustment, guard store.Guard) (made product.Listing, err error) {
	if err := a.Check(); err != nil {
		return made, err
	}
	err = d.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		stocks, err := tx.Stocks.Lock(ctx, []int64{productID})
		if err != nil {
			return err
		}
		if len(stocks) == 0 {
			return missing(productID)
		}
		if made, err = tx.Products.Get(ctx, productID); err != nil {
			return err
		}
		if made.Stock, err = d.adjust(ctx, tx, stocks[0], a); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, made)
	})
	return made, err
}

func (d *Service) adjust(ctx context.Context, tx store.Tx, before product.Stock, a product.Adjustment) (left int64, err error) {
	after, err := a.Apply(before)
	if err != nil {
		return 0, err
	}
	pid := after.ProductID()
	tx.Stocks.Save(after, product.Movement{
		ProductID: pid, Delta: a.Delta, Quantity: after.Quantity(), Reason: product.Adjusted, Note: a.Note, At: d.now(),
	})
	tx.Outbox.Append(event.NewStockAdjusted(pid, a.Delta, after.Quantity(), a.Note))
	if after.Quantity() == 0 {
		tx.Outbox.Append(event.NewStockDepleted(pid))
	}
	return after.Quantity(), nil
}
