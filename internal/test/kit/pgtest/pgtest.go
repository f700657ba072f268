// Package pgtest reads and changes a PostgreSQL database in plain SQL, beside the
// shop that uses it.
package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a database. A query that fails ends the test.
type DB struct {
	TB   testing.TB
	Pool *pgxpool.Pool
}

// Open connects to a database until the test ends.
func Open(tb testing.TB, url string) *DB {
	tb.Helper()
	pool, err := pgxpool.New(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return &DB{TB: tb, Pool: pool}
}

// Column returns the first column, which must be text, of all rows.
func (d *DB) Column(ctx context.Context, query string, args ...any) []string {
	d.TB.Helper()
	return collect(ctx, d, pgx.RowTo[string], query, args...)
}

// Count returns the one number that the query selects.
func (d *DB) Count(ctx context.Context, query string, args ...any) (n int64) {
	d.TB.Helper()
	if err := d.Pool.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		d.TB.Fatalf("%s: %v", query, err)
	}
	return n
}

// Rows returns all rows as structs, whose fields are the columns in order.
func Rows[T any](ctx context.Context, d *DB, query string, args ...any) []T {
	d.TB.Helper()
	return collect(ctx, d, pgx.RowToStructByPos[T], query, args...)
}

func collect[T any](ctx context.Context, d *DB, row pgx.RowToFunc[T], query string, args ...any) []T {
	d.TB.Helper()
	rows, err := d.Pool.Query(ctx, query, args...)
	if err != nil {
		d.TB.Fatalf("%s: %v", query, err)
	}
	all, err := pgx.CollectRows(rows, row)
	if err != nil {
		d.TB.Fatalf("%s: %v", query, err)
	}
	return all
}

// Update runs a statement that must change one row.
func (d *DB) Update(ctx context.Context, statement string) {
	d.TB.Helper()
	if tag, err := d.Pool.Exec(ctx, statement); err != nil || tag.RowsAffected() != 1 {
		d.TB.Fatalf("%s: %v, %v", statement, tag, err)
	}
}
