package product

import "context"

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

// CachedTable reads many products for caches.
type CachedTable interface {
	// Whole returns the products that exist, in no order.
	Whole(ctx context.Context, ids []int64) ([]Versioned, error)
	// Hot is Whole for those who know the facts of a version.
	Hot(ctx context.Context, ids []int64) ([]Hot, error)
}
