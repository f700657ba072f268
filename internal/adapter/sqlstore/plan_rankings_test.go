package sqlstore_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// fillRankings fills a shop with 1,000 publications of each kind, of which four have 2,000
// rows, and with the changes of 1,000 days.
func (r rawDB) fillRankings(t *testing.T) {
	t.Helper()
	r.exec(t, `INSERT INTO brands (name, description) SELECT CAST(n AS TEXT), '' FROM `+numbers, 20)
	r.exec(t, `INSERT INTO products (brand_id, name, description, price, status, created_us)
		SELECT 1 + n % 20, 'p', '', 1, 'ON_SALE', 0 FROM `+numbers, 2_000)
	for i, kind := range ranking.Kinds() {
		r.exec(t, `INSERT INTO ranking_publications SELECT `+r.someID(string('2'+rune(i)))+`, '`+string(kind)+`', 'p', 20000000 + n, 20000000 + n,
			0, `+map[string]string{"sqlite": "1", "postgres": "TRUE"}[r.engine]+`, 0, 'w', 0, 0, NULL FROM `+numbers, 1_000)
	}
	for run := range byte(4) {
		r.exec(t, `INSERT INTO product_ranks SELECT `+r.literal(someRun(run))+`, n, 2001 - n, 5, 0, 0, 0, 0, 0, 0 FROM `+numbers, 2_000)
	}
	for stripe := range "012345" {
		r.exec(t, `INSERT INTO metric_days SELECT 20000000 + n, `+string('0'+rune(stripe))+`, 5 FROM `+numbers, 1_000)
	}
	r.exec(t, `ANALYZE`)
}

// someRun returns the n-th run that has rows.
func someRun(n byte) id.ID { return id.ID{0x01, 0x92, 5: 0x02, 6: 0x70, 8: 0x80, 15: n + 1} }

// rankingReads are the statements of readers of rankings, and the index of each engine.
func (r rawDB) rankingReads() map[string]paged {
	few := map[string]paged{}
	products, list := "product_id = ANY ((SELECT $2::bigint[])::bigint[])", any([]int64{1, 2}) // as in the dialect
	if r.engine == "sqlite" {
		products, list = "product_id IN (SELECT value FROM json_each($2))", "[1,2]"
	}
	add := func(name, index, autoindex, text string, args ...any) {
		if r.engine == "sqlite" {
			index = autoindex
		}
		few[name] = paged{sqlstore.Stmt{SQL: text, Args: args}, index}
	}
	const current = "ranking_publications_kind_first_day_key"
	add("the current publication", current, current, sqlstore.CurrentPublicationSQL, "weekly", 20000100)
	add("the first ranks", "product_ranks_pkey", "PRIMARY KEY", sqlstore.RanksPageSQL, someRun(1), 0, 20)
	add("later ranks", "product_ranks_pkey", "PRIMARY KEY", sqlstore.RanksPageSQL, someRun(1), 1900, 20)
	add("the ranks of a brand", "product_ranks_pkey", "PRIMARY KEY", sqlstore.RanksOfBrandSQL, someRun(1), 7, 20, 0)
	add("the ranks of products", "product_ranks_run_id_product_id_key", "sqlite_autoindex_product_ranks_2", sqlstore.RanksOfSQL+products, someRun(1), list)
	add("the changes of a week", "metric_days_pkey", "PRIMARY KEY", sqlstore.ChangesSQL, 20000100, 20000106)
	return few
}

// A reader of a page must not read the rankings of all periods, nor sort one.
func TestRankingsAreReadByIndex(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.fillRankings(t)
		p := db.planner(t)
		for name, q := range db.rankingReads() {
			for how, plan := range p.plans(q.Stmt) {
				if !strings.Contains(plan, q.index) || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN r") || sorts(plan) {
					t.Errorf("%s, %s: not by %s:\n%s", name, how, q.index, plan)
				}
			}
		}
	})
}

// Counters are read in the order in which they are stored, not by product, and added up in
// a hash table. PostgreSQL sorts instead if it expects few rows.
func TestPostgresRollsUpWithoutSorting(t *testing.T) {
	t.Parallel()
	db := rawPostgres(t)
	db.migrated(t)
	const products, days = 3000, 31
	db.exec(t, `INSERT INTO product_metrics
		SELECT 1 + n * 7919 % $1::int, 20251001 + d, 1, 0, 0, 0, 0, 0, 1 FROM generate_series(0, $2::int - 1) d, generate_series(1, $1::int) n`, products, days)
	db.exec(t, `ANALYZE product_metrics`)
	p := db.planner(t)
	p.ask("SET work_mem = '256kB'") // little for 3,000 products, as 64 MB are for a million
	expected := regexp.MustCompile(` on product_metrics  \(cost=\S+ rows=(\d+) `)
	for _, kind := range []ranking.Kind{ranking.Weekly, ranking.Monthly} {
		period := ranking.PeriodOf(kind, 20251015)
		for name, r := range map[string]ranking.Range{
			"all products": {Last: math.MaxInt64}, "the first of three ranges": ranking.RangeOf(0, 3, products),
			"the second": ranking.RangeOf(1, 3, products), "the last": ranking.RangeOf(2, 3, products),
		} {
			plan := p.ask("EXPLAIN " + sqlstore.BestSQL(period, ranking.NewSchedule(), r, 100))
			rows := 0
			if found := expected.FindStringSubmatch(plan); found != nil {
				rows, _ = strconv.Atoi(found[1]) // digits
			}
			if !strings.Contains(plan, "HashAggregate") || strings.Contains(plan, " using product_metrics_pkey on product_metrics  ") {
				t.Errorf("%s, %s: sorted, or by product:\n%s", kind, name, plan)
			}
			if least := products * len(period.Days()) / 12; rows < least {
				t.Errorf("%s, %s: %d rows are expected, fewer than %d:\n%s", kind, name, rows, least, plan)
			}
		}
	}
}

// PostgreSQL gives a large statement more memory, and no statement of a later transaction.
func TestPostgresHasMoreMemoryForALargeStatement(t *testing.T) {
	t.Parallel()
	p := rawPostgres(t).planner(t)
	memory := func() string { return strings.TrimSpace(p.ask("SHOW work_mem")) }
	before := memory()
	rows, err := p.conn.Query(t.Context(), nil, sqlstore.Stmt{SQL: "SHOW work_mem", Large: true})
	if err != nil {
		t.Fatal(err)
	}
	var within string
	if rows.Next() {
		err = rows.Scan(&within)
	}
	if closed := rows.Close(); err != nil || closed != nil || within != "64MB" {
		t.Errorf("a large statement has %q (%v, %v)", within, err, closed)
	}
	if after := memory(); before == within || after != before {
		t.Errorf("%s before, %s after", before, after)
	}
}
