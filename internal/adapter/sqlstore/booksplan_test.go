package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// fillBooks fills counters of 20,000 products on three days, and 5,000 sold lines.
func (r rawDB) fillBooks(t *testing.T) {
	t.Helper()
	for _, day := range []string{"20251001", "20251002", "20251003"} {
		r.exec(t, `INSERT INTO product_metrics SELECT n, `+day+`, 1, 0, 0, 0, 0, 0, 1 FROM `+numbers, 20_000)
	}
	r.exec(t, `INSERT INTO product_metrics_monthly SELECT n, 202401, 1, 0, 0, 0, 0, 0, 1 FROM `+numbers, 20_000)
	r.exec(t, `ANALYZE`)
}

// Counters are many. They must be read in the order of the primary key and merged with
// the lines, not be sorted together with them.
func TestTheBooksAreMergedAndCountersAreNotSorted(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.fillBooks(t)
		merged := []string{"Merge Append", " using product_metrics_pkey on ", " using product_metrics_monthly_pkey on "}
		if db.engine == "sqlite" {
			merged = []string{"MERGE (UNION ALL)", "SCAN product_metrics ", "SCAN product_metrics_monthly "}
		}
		for how, plan := range db.planner(t).plans(sqlstore.Stmt{SQL: sqlstore.BooksSQL}) {
			for _, part := range merged {
				if !strings.Contains(plan, part) {
					t.Errorf("%s: no %q:\n%s", how, part, plan)
				}
			}
			if n := strings.Count(plan, "->  Sort ") + strings.Count(plan, "TEMP B-TREE"); n > 1 {
				t.Errorf("%s: %d sorts:\n%s", how, n, plan)
			}
		}
	})
}

// A chunk of a month stops at its limit: it must not read and sort the whole month.
func TestAChunkOfAMonthIsReadInTheOrderOfThePrimaryKey(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.fillBooks(t)
		for how, plan := range db.planner(t).plans(sqlstore.Stmt{SQL: sqlstore.MonthSQL, Args: []any{1_000, 20251001, 20251031, 5_000}}) {
			if sorts(plan) {
				t.Errorf("%s: sorted:\n%s", how, plan)
			}
		}
	})
}

// The export of a day reads the orders of the day, not those of all years.
func TestTheSalesOfADayAreReadByTime(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.SetMaxOpenConns(1) // its settings are those of the connection
		uuid := "substr('00000000-0000-7000-8000-000000000000', 1, 28) || substr('00000000' || CAST(n AS TEXT), -8)"
		if db.engine == "postgres" {
			db.exec(t, `SET session_replication_role = replica`)
			uuid = "CAST(lpad(to_hex(n), 32, '0') AS uuid)"
		} else {
			db.exec(t, `PRAGMA foreign_keys = off`)
		}
		for _, fill := range []string{
			`INSERT INTO orders (id, user_id, status, version, amount, points, created_us) SELECT ` + uuid + `, ` + uuid + `, 'PAID', 1, 0, 0, 0 FROM `,
			`INSERT INTO order_history SELECT ` + uuid + `, 1, 'PAID', '', 1760000000000000 + CAST(n AS BIGINT) * 1000000 FROM `,
			`INSERT INTO order_lines SELECT ` + uuid + `, 1, 1, '', 0, 1 FROM `,
		} {
			db.exec(t, fill+numbers, 30_000)
		}
		db.exec(t, `ANALYZE`)
		for how, plan := range db.planner(t).plans(sqlstore.Stmt{SQL: sqlstore.SoldOnSQL, Args: []any{1760000000000000, 1760000100000000}}) {
			if !strings.Contains(plan, "order_history_at") {
				t.Errorf("%s: not by time:\n%s", how, plan)
			}
		}
	})
}
