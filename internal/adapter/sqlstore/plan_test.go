package sqlstore_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// listing is a query and the indexes for it.
type listing struct {
	query   product.Query
	indexes []string
}

// Brands of the shop that fillProducts makes.
const (
	anyBrand     = 0
	bigBrand     = 1 // three of ten products
	averageBrand = 7
	tinyBrand    = 200 // three products
)

// listings returns queries with every sort, for all brands and for brands of each
// size, with each filter and with all of them, from the beginning and from the middle.
func listings() map[string]listing {
	all := map[string]listing{}
	for sort, index := range map[product.Sort]string{
		product.Latest: "products_latest", product.PriceAsc: "products_price", product.PriceDesc: "products_price", product.LikesDesc: "product_likes_all",
	} {
		for _, brand := range []int64{anyBrand, bigBrand, averageBrand, tinyBrand} {
			for filter, q := range filters() {
				q.Sort, q.BrandID = sort, brand
				name, indexes := fmt.Sprintf("%s, brand %d, %s", sort, brand, filter), []string{index}
				if brand != anyBrand {
					indexes[0] = strings.Replace(strings.TrimSuffix(index, "_all"), "_", "_brand_", 1)
					if sort == product.LikesDesc {
						indexes[0] = "product_likes_brand"
					}
				}
				if brand == bigBrand { // the index of all brands is as good
					indexes = append(indexes, index)
				}
				all[name] = listing{q, indexes}
				q.After = &product.Position{Key: map[string]int64{"products_price": 50_000, "product_likes_all": 250}[index], ID: 5_000}
				all[name+", after"] = listing{q, indexes}
			}
		}
	}
	return all
}

// filters returns each filter, and all of them together, with wide and narrow ranges
// of prices.
func filters() map[string]product.Query {
	low, high, lower, higher := money.Won(30_000), money.Won(60_000), money.Won(49_900), money.Won(50_100)
	return map[string]product.Query{
		"no filter":               {},
		"from a price":            {MinPrice: &low},
		"to a price":              {MaxPrice: &high},
		"within prices":           {MinPrice: &low, MaxPrice: &high},
		"within a few prices":     {MinPrice: &lower, MaxPrice: &higher},
		"a name that many have":   {Text: "linen shirt"},
		"a name that nobody has":  {Text: "no such thing"},
		"within prices, a name":   {MinPrice: &low, MaxPrice: &high, Text: "linen shirt"},
		"few prices, a rare name": {MinPrice: &lower, MaxPrice: &higher, Text: "17"},
	}
}

// fillProducts fills a shop with 10,000 products of 200 brands, and updates the
// statistics.
func (r rawDB) fillProducts(t *testing.T) {
	t.Helper()
	const products = 10_000
	for _, text := range []string{
		`INSERT INTO brands (name, description) SELECT CAST(n AS TEXT), '' FROM ` + numbers + ` WHERE n <= 200`,
		`INSERT INTO products (brand_id, name, description, price, status, like_count, created_us)
			SELECT CASE WHEN n % 10 < 3 THEN 1 WHEN n <= 5 THEN 200 ELSE 2 + n % 198 END,
				CASE n % 4 WHEN 0 THEN 'Linen shirt ' WHEN 1 THEN 'Cotton socks ' WHEN 2 THEN 'Steel cup ' ELSE 'Paper lamp ' END || n,
				'', 100 + (n * 7919) % 99900, CASE WHEN n % 50 = 0 THEN 'HIDDEN' ELSE 'ON_SALE' END, (n * 31) % 500, 0 FROM ` + numbers,
		`INSERT INTO stocks (product_id, quantity) SELECT n, 1 FROM ` + numbers,
	} {
		r.exec(t, text, products)
	}
	r.migrated(t) // adds the names to the index
	r.exec(t, `ANALYZE`)
}

func TestEveryListIsReadInTheOrderOfAnIndex(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		if db.engine == "sqlite" { // PostgreSQL reads such a small table as a whole
			db.planner(t).listsByIndex() // a new shop has no statistics
		}
		db.fillProducts(t)
		db.planner(t).listsByIndex()
	})
}

func (p planner) listsByIndex() {
	for name, l := range listings() {
		walk, gather, err := sqlstore.ListStmts(p.db, l.query, 21)
		if err != nil {
			p.Fatal(err)
		}
		for _, st := range walk {
			for how, plan := range p.plans(st) {
				if sorts(plan) || !slices.ContainsFunc(l.indexes, func(index string) bool { return p.walks(plan, index) }) {
					p.Errorf("%s, %s: sorted, or not by %s:\n%s\n%s", name, how, l.indexes, st.SQL, plan)
				}
			}
		}
		for _, st := range gather {
			p.gathersByIndex(name, st)
		}
	}
}

// gathersByIndex fails the test if a statement reads products that it does not need.
func (p planner) gathersByIndex(name string, st sqlstore.Stmt) {
	for how, plan := range p.plans(st) {
		if !slices.ContainsFunc(gatherers(), func(part string) bool { return strings.Contains(plan, part) }) || p.scansAll(plan) {
			p.Errorf("%s, %s: does not gather by an index:\n%s\n%s", name, how, st.SQL, plan)
		}
	}
}

// gatherers returns the parts of plans that gather: by the index of names, by an index of
// prices, or by ids.
func gatherers() []string {
	return []string{
		"Bitmap Index Scan on products_grams", "using products_price on", "using products_brand_price on", "using products_pkey on",
		"SCAN g VIRTUAL TABLE INDEX", "SEARCH p USING INDEX products_price ", "SEARCH p USING INDEX products_brand_price ",
		"SEARCH p USING INTEGER PRIMARY KEY (rowid=?)",
	}
}

// scansAll reports whether a plan reads a whole table of products.
func (p planner) scansAll(plan string) bool {
	return strings.Contains(plan, "Seq Scan on product") || strings.Contains(plan, "SCAN p ") || strings.Contains(plan, "SCAN l ")
}

// walks reports whether a plan reads products by an index. On SQLite, the table is in
// the order of the sort "latest".
func (p planner) walks(plan, index string) bool {
	switch {
	case p.engine == "postgres":
		return strings.Contains(plan, " using "+index+" on product")
	case index == "products_latest":
		return strings.HasPrefix(plan, "SCAN p \n") || strings.HasPrefix(plan, "SEARCH p USING INTEGER PRIMARY KEY ")
	default:
		return regexp.MustCompile(`^(SEARCH|SCAN) [pl] USING (COVERING )?INDEX ` + index + ` `).MatchString(plan)
	}
}

func TestPostgresPlansAListOnce(t *testing.T) {
	t.Parallel()
	db := rawPostgres(t)
	db.migrated(t)
	db.fillProducts(t)
	p := db.planner(t)
	for name, l := range listings() {
		if !planned(l.query) {
			p.plansOnce(name, l)
		}
	}
}

// planned reports whether PostgreSQL uses custom plans for a list. It does so for a
// brand of unusual size, or for a range of prices in the order of prices, because the
// generic plan expects another number of rows. Both plans read the same index.
func planned(q product.Query) bool {
	byPrice := q.Sort == product.PriceAsc || q.Sort == product.PriceDesc
	return q.BrandID == bigBrand || q.BrandID == tinyBrand || byPrice && q.MinPrice != nil && q.MaxPrice != nil
}

// plansOnce fails the test if the items of a list are planned for each execution. To plan a
// statement that reads nothing but an index takes less than 0.1 ms: those may be.
func (p planner) plansOnce(name string, l listing) {
	walk, gather, err := sqlstore.ListStmts(p.db, l.query, 21)
	if err != nil {
		p.Fatal(err)
	}
	for _, st := range append(walk, gather...) {
		if strings.Contains(st.SQL, " p.name,") {
			p.plannedOnce(name, st)
		}
	}
}

func (p planner) plannedOnce(name string, st sqlstore.Stmt) {
	const enough = 5 // executions, after which PostgreSQL compares the costs with the generic plan
	for range enough + 3 {
		rows, err := p.conn.Query(p.Context(), nil, st)
		if err != nil {
			p.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			p.Fatal(err)
		}
	}
	each := p.ask("SELECT custom_plans::text FROM pg_prepared_statements WHERE statement = $1", st.SQL)
	if n, err := strconv.Atoi(strings.TrimSpace(each)); err != nil || n > enough {
		p.Errorf("%s: planned anew %s times (%v)\n%s", name, each, err, st.SQL)
	}
}
