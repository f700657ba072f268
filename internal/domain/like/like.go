// Package like holds who likes what: one like per user and product.
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

// Position is a place in a user's list of likes, newest first.
type Position struct {
	At        time.Time `json:"t"`
	ProductID int64     `json:"i"`
}

// Table keeps likes.
type Table interface {
	// Add reports whether the like is new. A product that does not exist is
	// product.ErrNotFound.
	Add(ctx context.Context, l Like) (added bool, err error)
	// Remove reports whether there was a like to remove.
	Remove(ctx context.Context, user id.ID, productID int64) (removed bool, err error)
	// Of returns up to limit of a user's likes, newest first, after a position.
	Of(ctx context.Context, user id.ID, after *Position, limit int) ([]Like, error)
	// AddCounts queues changes of the like counts of products, by product id. A
	// product that does not exist is left out.
	AddCounts(delta map[int64]int64)
}
