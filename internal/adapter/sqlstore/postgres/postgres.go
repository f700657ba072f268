// Package postgres implements the engine of PostgreSQL, with the native interface of
// pgx. Its pipeline sends the queued writes of a transaction in one round trip with
// the next read, or with the COMMIT.
package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// maxConns is the size of the pool if the address has no pool_max_conns. A
// transaction that waits for a row lock holds a connection.
const maxConns = 16

// Open connects to the database at a postgres:// URL. The tables are in the first
// schema of the search_path; Migrate creates them. Close the store after use.
func Open(ctx context.Context, url string, o sqlstore.Options) (*sqlstore.DB, error) {
	pool, err := connect(ctx, url, cmp.Or(o.IdleInTransaction, time.Minute))
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	e := &engine{pool}
	return sqlstore.New(sqlstore.Parts{
		Name: "postgresql", Engine: e, Dialect: dialect(), Schema: e, Days: partitions{}, Search: search{}, Notifier: &notifier{pool, rand.Text(), o.Random, o.Log},
		Horizon: sqlstore.Horizon{
			Oldest: "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)",
			Next:   "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)",
		},
	}, o), nil
}

func connect(ctx context.Context, url string, idle time.Duration) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = maxConns
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error { return configure(ctx, c, idle) }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// configure changes two settings of a connection, unless the administrator of the
// server has changed their defaults.
//
// idle_in_transaction_session_timeout: the server ends a transaction whose program
// has sent nothing for the time given. Otherwise a machine without power or network would
// keep its locks for hours.
//
// random_page_cost: plans are made for pages in memory or on an SSD. Otherwise, while
// the brands fit on a few pages, all of them are read for each product of a list,
// instead of one by the index.
func configure(ctx context.Context, c *pgx.Conn, idle time.Duration) error {
	_, err := c.Exec(ctx, `
		SELECT set_config(name, value, false)
		FROM (VALUES ('idle_in_transaction_session_timeout', '0', $1::text), ('random_page_cost', '4', '1.1')) v (name, given, value)
		WHERE current_setting(name) = given`, strconv.FormatInt(idle.Milliseconds(), 10))
	return err
}

type engine struct{ pool *pgxpool.Pool }

// Begin implements sqlstore.Engine. Nothing is sent, and no connection is
// taken, before the first statement.
func (e *engine) Begin(_ context.Context, mode sqlstore.Mode) (sqlstore.Conn, error) {
	c := &conn{pool: e.pool}
	switch mode {
	case sqlstore.Write:
		c.begin = "BEGIN"
	case sqlstore.Snapshot:
		c.begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	case sqlstore.Read: // each statement for itself
	}
	return c, nil
}

// Close implements sqlstore.Engine.
func (e *engine) Close() error {
	e.pool.Close()
	return nil
}
