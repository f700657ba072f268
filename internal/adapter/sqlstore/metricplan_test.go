package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// A batch of a few events must not read the counters of all products of a week.
func TestPostgresReadsCountersByProduct(t *testing.T) {
	t.Parallel()
	db := rawPostgres(t)
	db.migrated(t)
	db.exec(t, `INSERT INTO product_metrics
		SELECT n, 20251103 + d, 1, 0, 0, 0, 0, 0, 1 FROM generate_series(1, 5000) n, generate_series(0, 2) d`)
	db.exec(t, `ANALYZE product_metrics`)
	const few = `product_id = ANY ((SELECT $1::bigint[])::bigint[])` // as in the dialect
	counters := sqlstore.Stmt{SQL: sqlstore.CountersOf(few), Args: []any{[]int64{1, 2}, 20251103, 20251105}}
	for how, plan := range db.planner(t).plans(counters) {
		if !strings.Contains(plan, "product_metrics_pkey") {
			t.Errorf("%s: not by product:\n%s", how, plan)
		}
	}
}
