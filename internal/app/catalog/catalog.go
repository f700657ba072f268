// Package catalog lets the shop be filled and looked at.
package catalog

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Service keeps the catalog.
type Service struct {
	db  store.DB
	now clock.Clock
}

// New returns a desk.
func New(db store.DB, now clock.Clock) *Service { return &Service{db, now} }

// Brand returns a brand, or product.ErrBrandNotFound.
func (d *Service) Brand(ctx context.Context, brandID int64) (b product.Brand, err error) {
	err = d.db.View(ctx, func(tx store.Tx) error {
		b, err = tx.Brands.Get(ctx, brandID)
		return err
	})
	return b, err
}

// Get returns a product as customers see it. To them a hidden product is
// product.ErrNotFound.
func (d *Service) Get(ctx context.Context, productID int64) (product.Listing, error) {
	l, err := d.listing(ctx, productID)
	if err == nil && l.Status == product.Hidden {
		return product.Listing{}, missing(productID)
	}
	return l, err
}

// Many returns those of the products that customers may see, by id.
func (d *Service) Many(ctx context.Context, productIDs []int64) (map[int64]product.Listing, error) {
	shown := make(map[int64]product.Listing, len(productIDs))
	if len(productIDs) == 0 {
		return shown, nil
	}
	err := d.db.View(ctx, func(tx store.Tx) error {
		found, err := tx.Products.Many(ctx, productIDs)
		for _, l := range found {
			if l.Status != product.Hidden {
				shown[l.ID] = l
			}
		}
		return err
	})
	return shown, err
}

// List returns a page of the products that customers may see. A cursor of
// another list is page.ErrCursor.
func (d *Service) List(ctx context.Context, q product.Query, size int, cursor string) (page.Page[product.Listing], error) {
	q, err := q.From(cursor)
	if err != nil {
		return page.Page[product.Listing]{}, err
	}
	var found []product.Listing
	err = d.db.View(ctx, func(tx store.Tx) error {
		found, err = tx.Products.List(ctx, q, size+1)
		return err
	})
	return q.Page(found, size), err
}

func (d *Service) listing(ctx context.Context, productID int64) (l product.Listing, err error) {
	err = d.db.View(ctx, func(tx store.Tx) error {
		l, err = tx.Products.Get(ctx, productID)
		return err
	})
	return l, err
}

func missing(productID int64) error {
	return product.ErrNotFound.Because("there is no product %d", productID)
}
