// Package likes lets users like products, once each.
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

// list names the cursors of a user's likes.
const list = "likes"

// Service keeps likes.
type Service struct {
	db  store.DB
	now clock.Clock
}

// New returns a desk.
func New(db store.DB, now clock.Clock) *Service { return &Service{db, now} }

// Like notes that a user likes a product, and tells others if that is new. A
// product that customers cannot see is product.ErrNotFound.
func (d *Service) Like(ctx context.Context, user id.ID, productID int64) error {
	return d.db.Update(ctx, func(tx store.Tx) error {
		l, err := tx.Products.Get(ctx, productID)
		if err != nil {
			return err
		}
		if l.Status == product.Hidden {
			return product.ErrNotFound
		}
		added, err := tx.Likes.Add(ctx, like.Like{UserID: user, ProductID: productID, At: d.now()})
		if added {
			tx.Outbox.Append(event.NewProductLiked(productID, user))
		}
		return err
	})
}

// Unlike takes a like back, and tells others if there was one.
func (d *Service) Unlike(ctx context.Context, user id.ID, productID int64) error {
	return d.db.Update(ctx, func(tx store.Tx) error {
		removed, err := tx.Likes.Remove(ctx, user, productID)
		if removed {
			tx.Outbox.Append(event.NewProductUnliked(productID, user))
		}
		return err
	})
}

// Mine returns a page of the products that a user likes, the newest like
// first. Those that have been hidden since are left out.
func (d *Service) Mine(ctx context.Context, user id.ID, size int, cursor string) (page.Page[product.Listing], error) {
	after, err := position(cursor)
	if err != nil {
		return page.Page[product.Listing]{}, err
	}
	var likes page.Page[like.Like]
	var found []product.Listing
	err = d.db.View(ctx, func(tx store.Tx) error {
		rows, err := tx.Likes.Of(ctx, user, after, size+1)
		if err != nil || len(rows) == 0 {
			return err
		}
		likes = page.Of(rows, size, list, func(l like.Like) like.Position { return like.Position{At: l.At, ProductID: l.ProductID} })
		found, err = tx.Products.Many(ctx, productIDs(likes.Items))
		return err
	})
	return page.Page[product.Listing]{Items: inOrder(likes.Items, found), Next: likes.Next}, err
}

func position(cursor string) (*like.Position, error) {
	after, ok, err := page.Decode[like.Position](list, cursor)
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
	shown := make([]product.Listing, 0, len(likes))
	for _, l := range likes {
		if listing, ok := byID[l.ProductID]; ok && listing.Status != product.Hidden {
			shown = append(shown, listing)
		}
	}
	return shown
}
