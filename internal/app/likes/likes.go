// Package likes records which users like which products.
package likes

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// cursorName marks the cursors of this list, so that those of other lists are rejected.
const cursorName = "likes"

// Service adds, removes and lists likes.
type Service struct {
	db  store.DB
	now clock.Clock
}

// New returns a service.
func New(db store.DB, now clock.Clock) *Service { return &Service{db, now} }

// Like adds a like and publishes an event if it is new. A hidden product is
// product.ErrNotFound.
func (s *Service) Like(ctx context.Context, user id.ID, productID int64) error {
	return s.db.Update(ctx, func(tx store.Tx) error {
		l, err := tx.Products.Get(ctx, productID)
		if err != nil {
			return err
		}
		if l.Status == product.Hidden {
			return product.ErrNotFound
		}
		at := s.now()
		added, err := tx.Likes.Add(ctx, like.Like{UserID: user, ProductID: productID, At: at})
		if added {
			tx.Outbox.Append(at, event.NewProductLiked(productID, user))
		}
		return err
	})
}

// Unlike removes a like and publishes an event if there was one.
func (s *Service) Unlike(ctx context.Context, user id.ID, productID int64) error {
	return s.db.Update(ctx, func(tx store.Tx) error {
		removed, err := tx.Likes.Remove(ctx, user, productID)
		if removed {
			tx.Outbox.Append(s.now(), event.NewProductUnliked(productID, user))
		}
		return err
	})
}

// List returns a page of the products that a user likes, the newest like first. It leaves
// out products that are hidden now.
func (s *Service) List(ctx context.Context, user id.ID, size int, cursor string) (page.Page[product.Listing], error) {
	after, err := position(cursor)
	if err != nil {
		return page.Page[product.Listing]{}, err
	}
	var likes page.Page[like.Like]
	var found []product.Listing
	err = s.db.View(ctx, func(tx store.Tx) error {
		rows, err := tx.Likes.Of(ctx, user, after, size+1)
		if err != nil || len(rows) == 0 {
			return err
		}
		likes = page.Of(rows, size, cursorName, func(l like.Like) like.Position { return like.Position{At: l.At, ProductID: l.ProductID} })
		found, err = tx.Products.Many(ctx, productIDs(likes.Items))
		return err
	})
	return page.Page[product.Listing]{Items: inOrder(likes.Items, found), Next: likes.Next}, err
}

func position(cursor string) (*like.Position, error) {
	after, ok, err := page.Decode[like.Position](cursorName, cursor)
	if !ok {
		return nil, err
	}
	return &after, nil
}

func productIDs(likes []like.Like) []int64 {
	ids := make([]int64, len(likes))
	for i, l := range likes {
		ids[i] = l.ProductID
	}
	return ids
}

func inOrder(likes []like.Like, found []product.Listing) []product.Listing {
	byID := make(map[int64]product.Listing, len(found))
	for _, l := range found {
		byID[l.ID] = l
	}
	visible := make([]product.Listing, 0, len(likes))
	for _, l := range likes {
		if listing, ok := byID[l.ProductID]; ok && listing.Status != product.Hidden {
			visible = append(visible, listing)
		}
	}
	return visible
}
