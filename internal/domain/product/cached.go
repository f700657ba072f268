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

// CachedTable reads many products for caches.
type CachedTable interface {
	// Whole returns the products that exist, in no order.
	Whole(ctx context.Context, ids []int64) ([]Versioned, error)
	// Hot is Whole for those who know the facts of a version.
	Hot(ctx context.Context, ids []int64) ([]Hot, error)
}
