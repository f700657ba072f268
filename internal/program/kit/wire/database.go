package wire

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
)

const sqliteScheme = "sqlite:"

// Store opens the database at a postgres:// or sqlite: address.
func (e Env) Store(ctx context.Context, address string) (*sqlstore.DB, error) {
	o := sqlstore.Options{
		Clock: e.Clock, IDs: e.IDs, Random: e.Random, Log: e.Log,
		IdleInTransaction: e.IdleInTransaction,
	}
	if path, ok := strings.CutPrefix(address, sqliteScheme); ok {
		return sqlite.Open(ctx, path, o)
	}
	return postgres.Open(ctx, address, o)
}

// MigratedStore opens the database. It returns an error if the schema is not the
// one of this program, or if the SQLite file does not exist.
func (e Env) MigratedStore(ctx context.Context, address string) (*sqlstore.DB, error) {
	if path, ok := strings.CutPrefix(address, sqliteScheme); ok {
		if _, err := os.Stat(path); err != nil { // opening it would create an empty database
			return nil, fmt.Errorf("there is no database at %s: run `commerce migrate` to create one: %w", path, err)
		}
	}
	db, err := e.Store(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := db.CheckSchema(ctx); err != nil {
		return nil, closing(db, err)
	}
	return db, nil
}

func closing(db *sqlstore.DB, err error) error {
	if failed := db.Close(); failed != nil {
		return fmt.Errorf("%w (and closing the database failed: %w)", err, failed)
	}
	return err
}

// relayConns is the number of connections of the relay: for sending, its leases,
// LISTEN and its metrics.
const relayConns = "4"

// RelayStore opens the database a second time, with connections for the relay
// alone. SQLite has one writer, which serves its callers in order: there RelayStore
// returns db itself.
func (e Env) RelayStore(ctx context.Context, address string, db *sqlstore.DB) (_ *sqlstore.DB, closeStore func() error, err error) {
	u, err := url.Parse(address)
	if err != nil || strings.HasPrefix(address, sqliteScheme) {
		return db, func() error { return nil }, err
	}
	q := u.Query()
	q.Set("pool_max_conns", relayConns)
	u.RawQuery = q.Encode()
	own, err := e.Store(ctx, u.String())
	if err != nil {
		return nil, nil, err
	}
	return own, own.Close, nil
}

// DatabaseCheck checks that the database answers and has the right schema.
func DatabaseCheck(db *sqlstore.DB) manage.Check {
	return manage.Check{Name: "database", Probe: db.CheckSchema}
}
