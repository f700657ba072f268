package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// A batch of a few events must not read what all products counted in a week.
func TestPostgresReadsCountersByProduct(t *testing.T) {
	t.Parallel()
	db := postgresShop(t)
	const few = `product_id = ANY ((SELECT $1::bigint[])::bigint[])` // as the dialect says it
	for _, text := range []string{
		`INSERT INTO product_metrics
		SELECT n, 20251103 + d, 1, 0, 0, 0, 0, 0, 1 FROM generate_series(1, 5000) n, generate_series(0, 2) d`,
		`ANALYZE product_metrics`,
		`SET plan_cache_mode = force_generic_plan`, // which it comes to by itself, in time
		`PREPARE counters AS ` + sqlstore.CountersOf(few),
	} {
		if _, err := db.Exec(t.Context(), text, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Query(t.Context(), `EXPLAIN EXECUTE counters ('{1,2}', 20251103, 20251105)`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "product_metrics_pkey") {
		t.Errorf("not by product:\n%s", plan)
	}
}
