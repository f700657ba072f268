package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// The products of a small brand must not cost a look at those of all brands.
func TestPostgresReadsTheProductsOfABrandByIndex(t *testing.T) {
	t.Parallel()
	db := rawPostgres(t)
	db.migrated(t)
	db.exec(t, `INSERT INTO brands (name, description) SELECT 'b' || n, '' FROM generate_series(1, 100) n`)
	db.exec(t, `INSERT INTO products (brand_id, name, description, price, status, created_us)
		SELECT 1 + n % 100, 'p', '', 1, CASE n % 10 WHEN 0 THEN 'HIDDEN' ELSE 'ON_SALE' END, 0 FROM generate_series(1, 20000) n`)
	db.exec(t, `ANALYZE products`)
	q := sqlstore.Stmt{SQL: sqlstore.OfBrandSQL, Args: []any{1, 0, 1000}}
	for how, plan := range db.planner(t).plans(q) {
		if !strings.Contains(plan, "products_brand_latest") || !strings.Contains(plan, "products_brand_hidden") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s: not by the indexes of brands:\n%s", how, plan)
		}
	}
}
