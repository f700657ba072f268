package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type cached struct{ *session }

// Whole implements product.CachedTable.
func (t cached) Whole(ctx context.Context, ids []int64) ([]product.Versioned, error) {
	q := stmt(`SELECT p.version, `+productColumns+ofListing+`WHERE `+t.dialect.In("p.id", BigInt, 1), ids)
	return all(ctx, t.each, q, scanVersioned)
}

// Hot implements product.CachedTable.
func (t cached) Hot(ctx context.Context, ids []int64) ([]product.Hot, error) {
	q := stmt(`
		SELECT p.id, p.version, (SELECT s.quantity FROM stocks s WHERE s.product_id = p.id), `+likesOf+`
		FROM products p WHERE `+t.dialect.In("p.id", BigInt, 1), ids)
	return all(ctx, t.each, q, func(r row) (h product.Hot, err error) {
		err = r.Scan(&h.ID, &h.Version, &h.Stock, &h.LikeCount)
		return h, err
	})
}

func scanVersioned(r row) (v product.Versioned, err error) {
	var created int64
	dest := append([]any{&v.Version}, productDest(&v.Product, &created)...)
	err = r.Scan(append(dest, &v.BrandName, &v.Stock, &v.LikeCount)...)
	v.CreatedAt = timeOf(created)
	return v, err
}
