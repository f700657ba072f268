// Package like holds the likes of products: at most one per user and product.
package like

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Like is one user's like of one product.
type Like struct {
	UserID    id.ID
	ProductID int64
	At        time.Time
}

// Position is a position in the list of a user's likes, newest first: the last
// like of a page. It is part of cursors, so its JSON form must not change.
type Position struct {
	At        time.Time `json:"t"`
	ProductID int64     `json:"i"`
}

// Table stores likes.
type Table interface {
	// Add adds a like, and reports whether it is new. It returns
	// product.ErrNotFound if the product does not exist.
	Add(ctx context.Context, l Like) (added bool, err error)
	// Remove removes a like, and reports whether there was one.
	Remove(ctx context.Context, user id.ID, productID int64) (removed bool, err error)
	// Of returns up to limit likes of a user, newest first, that come after a
	// position; nil is the beginning.
	Of(ctx context.Context, user id.ID, after *Position, limit int) ([]Like, error)
	// AddCounts queues changes of the like counts of products, by product id. A
	// product that does not exist is left out.
	AddCounts(delta map[int64]int64)
}
