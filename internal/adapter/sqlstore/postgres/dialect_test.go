package postgres

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

func TestAStatementAboutAListIsNotPlannedEachTime(t *testing.T) {
	t.Parallel()
	address := os.Getenv("TEST_DATABASE_URL")
	if address == "" {
		t.Fatal("TEST_DATABASE_URL is not set: run `make services` and use `make test`")
	}
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	for _, fill := range []string{
		"CREATE TEMPORARY TABLE shelf (id bigint PRIMARY KEY, quantity bigint)",
		"INSERT INTO shelf SELECT n, n FROM generate_series(1, 10000) n",
		"ANALYZE shelf",
	} {
		if _, err := c.Exec(t.Context(), fill); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Prepare(t.Context(), "look", "SELECT quantity FROM shelf WHERE "+in("id", sqlstore.BigInt, 1)); err != nil {
		t.Fatal(err)
	}
	for n := range int64(20) {
		var got int64
		if err := c.QueryRow(t.Context(), "look", []int64{n + 1}).Scan(&got); err != nil || got != n+1 {
			t.Fatalf("%d, %v; want %d", got, err, n+1)
		}
	}
	var once, each int64
	err = c.QueryRow(t.Context(), "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'look'").Scan(&once, &each)
	if err != nil || once < 15 || each > 5 {
		t.Errorf("%d executions with a plan for all, %d with one of their own (%v)", once, each, err)
	}
}
