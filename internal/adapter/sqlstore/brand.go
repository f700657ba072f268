package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type brands struct{ *session }

// Add implements product.BrandTable.
func (t brands) Add(ctx context.Context, b product.Brand) (product.Brand, error) {
	q := stmt(`INSERT INTO brands (name, description, folded) VALUES ($1, $2, $3) RETURNING id`,
		b.Name, b.Description, text.Fold(b.Name))
	q.Faults = Faults{"brands_name_key": product.ErrBrandNameTaken, "brands_folded_key": product.ErrBrandNameTaken}
	var err error
	b.ID, err = first(ctx, t.change, q, scalar[int64], nil)
	return b, err
}

// Get implements product.BrandTable.
func (t brands) Get(ctx context.Context, bid int64) (product.Brand, error) {
	q := stmt(`SELECT id, name, description FROM brands WHERE id = $1`, bid)
	return first(ctx, t.each, q, scanBrand, product.ErrBrandNotFound)
}

// brandByName finds a brand by the name itself, else by the folded one.
const brandByName = `SELECT id, name, description FROM brands WHERE name = $1 OR folded = $2 ORDER BY name = $1 DESC LIMIT 1`

// ByName implements product.BrandTable.
func (t brands) ByName(ctx context.Context, name string) (product.Brand, error) {
	return first(ctx, t.each, stmt(brandByName, name, text.Fold(name)), scanBrand, product.ErrBrandNotFound)
}

// Products implements product.BrandTable. Each half has an index, which is read up to the
// limit.
func (t brands) Products(ctx context.Context, bid, after int64, limit int) ([]int64, error) {
	return all(ctx, t.each, stmt(selectOfBrand, bid, after, int64(limit)), scalar[int64])
}

const (
	selectOfBrand = halfOfBrand + `status <> 'HIDDEN'` + endOfHalf + ` UNION ALL ` + halfOfBrand + `status = 'HIDDEN'` + endOfHalf + ` ORDER BY 1 LIMIT $3`
	halfOfBrand   = `SELECT id FROM (SELECT id FROM products WHERE brand_id = $1 AND id > $2 AND `
	endOfHalf     = ` ORDER BY id LIMIT $3) AS h`
)

func scanBrand(r row) (b product.Brand, err error) {
	err = r.Scan(&b.ID, &b.Name, &b.Description)
	return b, err
}
