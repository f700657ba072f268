// Package postgres implements the engine of PostgreSQL, with the native interface of
// pgx. Its pipeline sends the queued writes of a transaction in one round trip with
// the next read, or with the COMMIT.
package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/dial"
)

// maxConns is the size of the pool if neither the address nor the program says another one.
const maxConns = 16

// connectTime bounds the attempt to connect to each of the hosts of an address, if the
// address does not say so itself.
const connectTime = 3 * time.Second

// Open connects to the database at a postgres:// URL. The tables are in the first
// schema of the search_path; Migrate creates them. Close the store after use.
func Open(ctx context.Context, url string, o sqlstore.Options) (*sqlstore.DB, error) {
	e, err := connect(ctx, url, o)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return sqlstore.New(sqlstore.Parts{
		Name: "postgresql", Engine: e, Dialect: dialect(), Schema: e, Days: partitions{}, Search: search{},
		Notifier:    &notifier{pool: e.pool, direct: e.direct, self: rand.Text(), random: o.Random, log: o.Log},
		Connections: int(e.pool.Config().MaxConns),
		Horizon: sqlstore.Horizon{
			Oldest: "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)",
			Next:   "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)",
			Begun:  "pg_current_xact_id() IS NOT NULL",
		},
		Room: room(),
	}, o), nil
}

// room makes a temporary file of a megabyte where the tables are. It is deleted with the
// transaction, and leaves nothing behind, unlike rows.
func room() []string {
	return []string{
		`SELECT set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true)`,
		`WITH room AS MATERIALIZED (SELECT repeat('.', 8192) AS page FROM generate_series(1, 128)) SELECT max(length(page)) FROM room`,
	}
}

type engine struct {
	pool     *pgxpool.Pool
	settings settings
	// pooled says that a pooler may give each transaction another connection of the server.
	pooled bool
	// direct is how to connect past a pooler, for what belongs to a connection: listening,
	// and the lock of migrations. nil: there is no such way.
	direct *pgx.ConnConfig
	reset  rarely
}

func connect(ctx context.Context, url string, o sqlstore.Options) (*engine, error) {
	config, err := parse(url, o)
	if err != nil {
		return nil, err
	}
	e := &engine{settings: usual(o)}
	if e.pooled, err = behindPooler(ctx, config.ConnConfig); err != nil {
		return nil, err
	}
	if e.direct, err = direct(config.ConnConfig, e.pooled, o.DirectURL); err != nil {
		return nil, err
	}
	if e.pooled {
		withoutSession(config.ConnConfig)
		announcePooler(o.Log, e.direct != nil)
	} else {
		config.AfterConnect = e.settings.configure
	}
	if e.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if err := e.pool.Ping(ctx); err != nil {
		e.pool.Close()
		return nil, err
	}
	return e, nil
}

func parse(url string, o sqlstore.Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = int32(cmp.Or(o.Connections, maxConns)) //nolint:gosec // a small number
	}
	dialled(config.ConnConfig)
	return config, nil
}

// dialled has connections end when the other end is gone, and attempts to connect end soon.
func dialled(c *pgx.ConnConfig) {
	c.DialFunc = dial.To
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, connectTime)
}

// Begin implements sqlstore.Engine. Nothing is sent, and no connection is
// taken, before the first statement.
func (e *engine) Begin(_ context.Context, mode sqlstore.Mode, l sqlstore.Limits) (sqlstore.Conn, error) {
	c := &conn{engine: e, first: e.settings.forTransaction(l, e.pooled)}
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
