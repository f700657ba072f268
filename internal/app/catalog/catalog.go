// Package catalog reads and changes brands, products and their stock.
package catalog

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Service reads and changes the catalog.
type Service struct {
	db    store.DB
	now   clock.Clock
	cache *cached // nil: there is none
}

// New returns a service.
func New(db store.DB, now clock.Clock, options ...Option) *Service {
	s := &Service{db: db, now: now}
	for _, option := range options {
		option(s)
	}
	return s
}

// Option changes a service.
type Option func(*Service)

// Brand returns a brand, or product.ErrBrandNotFound.
func (s *Service) Brand(ctx context.Context, brandID int64) (b product.Brand, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		b, err = tx.Brands.Get(ctx, brandID)
		return err
	})
	return b, err
}

// Get returns a product as customers see it. A hidden product is product.ErrNotFound, in
// the same words as one that does not exist.
func (s *Service) Get(ctx context.Context, productID int64) (product.Listing, error) {
	l, err := s.listing(ctx, productID)
	if errors.Is(err, product.ErrNotFound) || err == nil && l.Status == product.Hidden {
		return product.Listing{}, product.Unknown(productID)
	}
	return l, err
}

// Many returns the given products by id, without those that are hidden.
func (s *Service) Many(ctx context.Context, productIDs []int64) (map[int64]product.Listing, error) {
	visible := make(map[int64]product.Listing, len(productIDs))
	if len(productIDs) == 0 {
		return visible, nil
	}
	err := s.db.View(ctx, func(tx store.Tx) error {
		found, err := tx.Products.Many(ctx, productIDs)
		for _, l := range found {
			if l.Status != product.Hidden {
				visible[l.ID] = l
			}
		}
		return err
	})
	return visible, err
}

// List returns a page of the products that are not hidden. A cursor of
// another list is page.ErrCursor.
func (s *Service) List(ctx context.Context, q product.Query, size int, cursor string) (page.Page[product.Listing], error) {
	if s.cache != nil && cursor == "" && s.cache.serves(q) {
		return s.cachedList(ctx, q, size)
	}
	q, err := q.From(cursor)
	if err != nil {
		return page.Page[product.Listing]{}, err
	}
	var found []product.Listing
	read := s.db.View
	if q.Searches() {
		read = s.db.Snapshot
	}
	err = read(ctx, func(tx store.Tx) error {
		found, err = tx.Products.List(ctx, q, size+1)
		return err
	})
	return q.Page(found, size), err
}

func (s *Service) listing(ctx context.Context, productID int64) (l product.Listing, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		l, err = tx.Products.Get(ctx, productID)
		return err
	})
	return l, err
}
