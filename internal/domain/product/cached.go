package product

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/text"
)

// Versioned is a product with the version of its facts: of all that an administrator
// has written about it.
type Versioned struct {
	Listing
	Version int64
}

// Hot is what of a product changes all the time, and the version of the rest.
type Hot struct {
	ID, Version      int64
	Stock, LikeCount int64
}

// Of returns a product of the same version, with the numbers of h.
func (h Hot) Of(v Versioned) Versioned {
	v.Stock, v.LikeCount = h.Stock, h.LikeCount
	return v
}

// FirstPage is the first page of a list.
type FirstPage struct {
	Query Query
	Size  int
}

// Name returns a short text that differs for every two that may have other products.
func (f FirstPage) Name() string {
	limit := func(w *money.Won) int64 {
		if w == nil {
			return -1
		}
		return int64(*w)
	}
	q := f.Query
	return fmt.Sprintf("%s:%d:%d:%d:%d:%x", q.Sort, f.Size, q.BrandID, limit(q.MinPrice), limit(q.MaxPrice), sha256.Sum224([]byte(text.Fold(q.Text))))
}

// CachedTable reads many products for caches.
type CachedTable interface {
	// Whole returns the products that exist, in no order.
	Whole(ctx context.Context, ids []int64) ([]Versioned, error)
	// Hot is Whole for those who know the facts of a version.
	Hot(ctx context.Context, ids []int64) ([]Hot, error)
}
