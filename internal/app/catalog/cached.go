package catalog

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Details returns the given products by id, without those that are hidden.
func (s *Service) Details(ctx context.Context, productIDs []int64) (map[int64]product.Versioned, error) {
	visible := make(map[int64]product.Versioned, len(productIDs))
	err := s.db.View(ctx, func(tx store.Tx) error {
		found, err := tx.Cached.Whole(ctx, productIDs)
		for _, v := range found {
			if v.Status != product.Hidden {
				visible[v.ID] = v
			}
		}
		return err
	})
	return visible, err
}

// Hot returns what of the given products changes all the time, by id; hidden ones, too.
func (s *Service) Hot(ctx context.Context, productIDs []int64) (map[int64]product.Hot, error) {
	hot := make(map[int64]product.Hot, len(productIDs))
	err := s.db.View(ctx, func(tx store.Tx) error {
		found, err := tx.Cached.Hot(ctx, productIDs)
		for _, h := range found {
			hot[h.ID] = h
		}
		return err
	})
	return hot, err
}
