package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type products struct{ *session }

// productColumns and itemColumns are read by productDest. An item of a list has no
// description: lists do not show it, and one may be longer than the rest of the
// page.
const (
	productColumns = `p.id, COALESCE(p.sku, ''), p.brand_id, p.name, p.description, p.price, p.status, p.created_us`
	itemColumns    = `p.id, COALESCE(p.sku, ''), p.brand_id, p.name, '', p.price, p.status, p.created_us`
)

// Brand, stock and likes are read by subqueries for each row of the result. With a join,
// the planners did not read the products by the index of the sort, and sorted all
// of them.
const (
	selectListing = `SELECT ` + productColumns + ofListing
	selectItem    = `SELECT ` + itemColumns + ofListing
	ofListing     = beside + `
	FROM products p `
	beside = `,
		(SELECT b.name FROM brands b WHERE b.id = p.brand_id),
		(SELECT s.quantity FROM stocks s WHERE s.product_id = p.id), ` + likesOf
	likesOf = `(SELECT l.like_count FROM product_likes l WHERE l.product_id = p.id)`
)

// Add implements product.Table. It adds a stock of 0, so that there is always a row
// to lock.
func (t products) Add(ctx context.Context, p product.Product) (product.Product, error) {
	q := stmt(`
		INSERT INTO products (sku, brand_id, name, description, price, status, created_us, folded)
		VALUES (NULLIF($1, ''), $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		p.SKU, p.BrandID, p.Name, p.Description, int64(p.Price), string(p.Status), micros(p.CreatedAt), text.Fold(p.Name))
	q.Faults = Faults{
		"products_brand_id_fkey": product.ErrBrandNotFound,
		"products_sku_key":       product.ErrSKUTaken,
	}
	var err error
	if p.ID, err = first(ctx, t.change, q, scalar[int64], nil); err == nil {
		t.exec(`INSERT INTO stocks (product_id, quantity) VALUES ($1, 0)`, p.ID)
		names(t).index([]product.Named{p.Named()})
		t.changed.product(p.ID)
	}
	return p, err
}

// Lock implements product.Table.
func (t products) Lock(ctx context.Context, pid int64) (product.Product, error) {
	q := stmt(`SELECT `+productColumns+` FROM products p WHERE p.id = $1 `+t.dialect.ForUpdate, pid)
	return first(ctx, t.change, q, scanProduct, product.ErrNotFound)
}

// Save implements product.Table.
func (t products) Save(p product.Product) {
	t.changed.product(p.ID)
	t.queue(Stmt{
		SQL: `
			UPDATE products SET sku = NULLIF($1, ''), brand_id = $2, name = $3, description = $4, price = $5, status = $6,
				version = version + 1
			WHERE id = $7`,
		Args: []any{p.SKU, p.BrandID, p.Name, p.Description, int64(p.Price), string(p.Status), p.ID},
		Rows: 1, Mismatch: product.ErrNotFound,
		Faults: Faults{
			"products_brand_id_fkey": product.ErrBrandNotFound,
			"products_sku_key":       product.ErrSKUTaken,
		},
	})
	names(t).Add(p.Named()) // if it was renamed, a trigger has dropped the old name
}

// Get implements product.Table.
func (t products) Get(ctx context.Context, pid int64) (product.Listing, error) {
	return first(ctx, t.each, stmt(selectListing+`WHERE p.id = $1`, pid), scanListing, product.ErrNotFound)
}

// Many implements product.Table.
func (t products) Many(ctx context.Context, ids []int64) ([]product.Listing, error) {
	q := stmt(selectItem+`WHERE `+t.dialect.In("p.id", BigInt, 1), ids)
	return all(ctx, t.each, q, scanListing)
}

// BySKU implements product.Table.
func (t products) BySKU(ctx context.Context, skus []string) (map[string]int64, error) {
	known := make(map[string]int64, len(skus))
	q := stmt(`SELECT sku, id FROM products WHERE `+t.dialect.In("sku", Text, 1), skus)
	err := t.each(ctx, q, func(r row) error {
		var sku string
		var pid int64
		err := r.Scan(&sku, &pid)
		known[sku] = pid
		return err
	})
	return known, err
}

func productDest(p *product.Product, created *int64) []any {
	return []any{&p.ID, &p.SKU, &p.BrandID, &p.Name, &p.Description, &p.Price, &p.Status, created}
}

func scanProduct(r row) (p product.Product, err error) {
	var created int64
	err = r.Scan(productDest(&p, &created)...)
	p.CreatedAt = timeOf(created)
	return p, err
}

func scanListing(r row) (l product.Listing, err error) {
	var created int64
	dest := append(productDest(&l.Product, &created), &l.BrandName, &l.Stock, &l.LikeCount)
	err = r.Scan(dest...)
	l.CreatedAt = timeOf(created)
	return l, err
}
