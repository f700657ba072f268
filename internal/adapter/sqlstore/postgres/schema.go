package postgres

import (
	"context"
	"embed"
	"hash/fnv"
	"io/fs"

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
	var schema string
	if err := e.pool.QueryRow(ctx, `SELECT COALESCE(current_schema(), '')`).Scan(&schema); err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(lockID(schema)), lock.WithLockTimeout(lockPeriod, lockTries))
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(e.pool)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	return up(p)
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
