package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/storetest"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// listing is a query and the index that is made for it.
type listing struct {
	query product.Query
	index string
}

// listings is every sort, with and without a brand, from the beginning and
// from the middle, within a range of prices and with a text.
func listings() map[string]listing {
	low, high := money.Won(100), money.Won(9_000)
	all := map[string]listing{}
	for sort, index := range map[product.Sort]string{
		product.Latest: "latest", product.PriceAsc: "price", product.PriceDesc: "price", product.LikesDesc: "likes",
	} {
		for _, brand := range []int64{0, 1} {
			q := product.Query{Sort: sort, BrandID: brand}
			name, prefix := fmt.Sprintf("%s, brand %d", sort, brand), "products_"
			if brand != 0 {
				prefix = "products_brand_"
			}
			all[name] = listing{q, prefix + index}
			q.After = &product.Position{Key: 5_000, ID: 2_500}
			all[name+", after"] = listing{q, prefix + index}
			q.MinPrice, q.MaxPrice, q.Text = &low, &high, "a"
			all[name+", after, filtered"] = listing{q, prefix + index}
		}
	}
	return all
}

// fill is a shop of which an engine has statistics; %s makes a number from 1
// to 5,000.
const (
	fillBrands   = `INSERT INTO brands (name, description) SELECT CAST(n AS TEXT), '' FROM (%s) s WHERE n <= 100`
	fillProducts = `INSERT INTO products (brand_id, name, description, price, status, like_count, created_us)
		SELECT 1 + n %% 100, 'a name', '', 1 + (n * 7919) %% 10000, 'ON_SALE', (n * 31) %% 100, 0 FROM (%s) s`
	fillStocks = `INSERT INTO stocks (product_id, quantity) SELECT n, 1 FROM (%s) s`
)

func postgresShop(t *testing.T) *pgx.Conn {
	t.Helper()
	address := storetest.Schema(t)
	store, err := postgres.Open(t.Context(), address, storetest.Complete(sqlstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.WithoutCancel(t.Context())) })
	for _, text := range []string{fillBrands, fillProducts, fillStocks, "ANALYZE brands, products, stocks%.0s"} {
		if _, err := db.Exec(t.Context(), fmt.Sprintf(text, `SELECT n FROM generate_series(1, 5000) g (n) ORDER BY n`)); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func TestPostgresPlansAListOnce(t *testing.T) {
	t.Parallel()
	db := postgresShop(t)
	for name, l := range listings() {
		st, err := sqlstore.ListStmt(l.query, 21)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			rows, err := db.Query(t.Context(), st.SQL, st.Args...) // as the store asks: Exec prepares nothing without arguments
			if err != nil {
				t.Fatal(err)
			}
			rows.Close()
		}
		var once, each int64
		err = db.QueryRow(t.Context(), "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1", st.SQL).
			Scan(&once, &each)
		if err != nil || each > 5 {
			t.Errorf("%s: %d executions with a plan for all, %d with one of their own (%v)", name, once, each, err)
		}
	}
}

func TestPostgresListsByIndex(t *testing.T) {
	t.Parallel()
	db := postgresShop(t)
	// Fewer rows than fit on two pages are cheaper to sort, and the planner knows.
	if _, err := db.Exec(t.Context(), "SET enable_sort = off"); err != nil {
		t.Fatal(err)
	}
	for name, l := range listings() {
		st, err := sqlstore.ListStmt(l.query, 21)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := db.Query(t.Context(), "EXPLAIN "+st.SQL, st.Args...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if strings.Contains(plan, "Sort") || !strings.Contains(plan, l.index+" on products") {
			t.Errorf("%s: sorted, or not by %s:\n%s", name, l.index, plan)
		}
	}
}

func TestSQLiteListsByIndex(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop.db")
	store, err := sqlite.Open(t.Context(), path, storetest.Complete(sqlstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const numbers = `WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s`
	for _, statistics := range []string{"", "ANALYZE"} { // a new shop has no statistics yet
		if statistics != "" {
			for _, text := range []string{fillBrands, fillProducts, fillStocks, "ANALYZE%.0s"} {
				if _, err := db.ExecContext(t.Context(), fmt.Sprintf(text, numbers)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for name, l := range listings() {
			plan := explain(t, db, l.query)
			index := strings.Contains(plan, l.index+" ") || l.index == "products_latest" // the table is in this order
			if strings.Contains(plan, "TEMP B-TREE") || !index {
				t.Errorf("%s: sorted, or not by %s:\n%s", name, l.index, plan)
			}
		}
	}
}

func explain(t *testing.T, db *sql.DB, q product.Query) (plan string) {
	t.Helper()
	st, err := sqlstore.ListStmt(q, 21)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+st.SQL, st.Args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var node, parent, unused int
		var detail string
		if err := rows.Scan(&node, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + " \n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
