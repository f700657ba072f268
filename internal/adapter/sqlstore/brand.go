package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type brands struct{ *session }

// Add implements product.BrandTable.
func (t brands) Add(ctx context.Context, b product.Brand) (product.Brand, error) {
	q := stmt(`INSERT INTO brands (name, description) VALUES ($1, $2) RETURNING id`, b.Name, b.Description)
	q.Faults = Faults{"brands_name_key": product.ErrBrandNameTaken}
	var err error
	b.ID, err = first(ctx, t.change, q, scalar[int64], nil)
	return b, err
}

// Get implements product.BrandTable.
func (t brands) Get(ctx context.Context, bid int64) (product.Brand, error) {
	q := stmt(`SELECT id, name, description FROM brands WHERE id = $1`, bid)
	return first(ctx, t.each, q, scanBrand, product.ErrBrandNotFound)
}

// ByName implements product.BrandTable.
func (t brands) ByName(ctx context.Context, name string) (product.Brand, error) {
	q := stmt(`SELECT id, name, description FROM brands WHERE name = $1`, name)
	return first(ctx, t.each, q, scanBrand, product.ErrBrandNotFound)
}

func scanBrand(r row) (b product.Brand, err error) {
	err = r.Scan(&b.ID, &b.Name, &b.Description)
	return b, err
}
