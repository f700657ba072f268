package postgres

import (
	"context"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations returns the files of the migrations.
func Migrations() fs.FS { return files }

func migrations() (fs.FS, error) { return fs.Sub(files, "migrations") }

// A second program that migrates checks once a second, for five minutes, whether the
// first one has finished.
const (
	lockPeriod = 1
	lockTries  = 300
)

// Migrate implements sqlstore.Schema. The lock is for this schema only: shops in one
// database do not wait for one another.
func (e *engine) Migrate(ctx context.Context, up func(*goose.Provider) error) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	if e.direct == nil {
		return errPooled
	}
	db := stdlib.OpenDB(*e.direct, stdlib.OptionAfterConnect(migrating().configure))
	defer db.Close()
	var schema string
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(current_schema(), '')`).Scan(&schema); err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(lockID(schema)), lock.WithLockTimeout(lockPeriod, lockTries))
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	return permitted(up(p))
}

// migrating returns the settings of the connections of migrations. A migration that changes
// a table waits for those who use it, and everybody else waits behind it: so it gives up
// soon, with the tables as they were, and can be run again.
func migrating() settings {
	return settings{idle: time.Hour, Limits: sqlstore.Limits{Lock: 10 * time.Second, Statement: 24 * time.Hour}}
}

// permitted says what to grant if the database belongs to somebody else.
func permitted(err error) error {
	if codeOf(err) != "42501" {
		return err
	}
	return fmt.Errorf("%w: the role needs more rights. As the owner of the database, run "+
		"GRANT CREATE, USAGE ON SCHEMA public TO <role>, or CREATE SCHEMA shop AUTHORIZATION <role> and add search_path=shop to "+
		"DATABASE_URL. Tables that exist must belong to the role: ALTER TABLE <table> OWNER TO <role>", err)
}

func lockID(schema string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("commerce migrate " + schema)) // a hash never fails
	return int64(h.Sum64())                              //nolint:gosec // the sign does not matter
}

// Newest implements sqlstore.Schema.
func (*engine) Newest() (int64, error) {
	steps, err := migrations()
	if err != nil {
		return 0, err
	}
	return sqlstore.Newest(steps)
}
