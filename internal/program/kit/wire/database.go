package wire

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

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
		IdleInTransaction: e.IdleInTransaction, Connections: e.Connections, DirectURL: e.DirectURL,
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

// The connections that are kept for what customers must not take. All others are for
// requests, or for what else a program is there for.
const (
	relayConns      = 2 // to read and delete events; to measure, announce and renew leases
	backgroundConns = 2 // leases, gauges, jobs of dead letters
	healthConns     = 1
)

// Shares are the parts of the connections of a database. What waits in one of them takes
// nothing from the others.
type Shares struct{ Main, Relay, Background, Health *sqlstore.DB }

// Divide divides the connections of a database.
func Divide(db *sqlstore.DB) Shares {
	kept := relayConns + backgroundConns + healthConns
	return Shares{
		Main: db.Share(db.Connections() - kept), Relay: db.Share(relayConns),
		Background: db.Share(backgroundConns), Health: db.Share(healthConns),
	}
}

// export exports how the shares are used.
func (s Shares) export(e Env) error {
	for name, db := range map[string]*sqlstore.DB{"main": s.Main, "relay": s.Relay, "background": s.Background, "health": s.Health} {
		if err := e.exportShare(name, db); err != nil {
			return err
		}
	}
	return nil
}

func (e Env) exportShare(share string, db *sqlstore.DB) error {
	options := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "commerce", Name: name, Help: help, ConstLabels: prometheus.Labels{"share": share}}
	}
	for _, c := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(options("database_share_connections", "Connections to the database that a part of this process may use at a time.")),
			func() float64 { return float64(db.Usage().Size) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(options("database_share_used", "Connections to the database that a part of this process uses.")),
			func() float64 { return float64(db.Usage().Used) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(options("database_share_waiting", "Transactions that wait for a connection of their part of this process.")),
			func() float64 { return float64(db.Usage().Waiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts(options("database_share_wait_seconds_total", "Time that transactions have waited for a connection of their part of this process.")),
			func() float64 { return db.Usage().Waited.Seconds() }),
	} {
		if err := e.Registry.Register(c); err != nil {
			return fmt.Errorf("register the metrics of the share %s: %w", share, err)
		}
	}
	return nil
}

// DatabaseCheck checks that the database does its work: it has the right schema, and can be
// written to.
func DatabaseCheck(db *sqlstore.DB) manage.Check {
	return manage.Check{Name: "database", Probe: db.Health}
}
