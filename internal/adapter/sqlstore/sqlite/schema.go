package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

//go:embed migrations/*.sql
var files embed.FS

func migrations() (fs.FS, error) { return fs.Sub(files, "migrations") }

// Migrate implements sqlstore.Schema. The lock keeps other goroutines from writing.
// If another process migrates the same file, a migration that it has applied fails
// here. The next attempt finds it applied.
func (e *engine) Migrate(ctx context.Context, up func(*goose.Provider) error) error {
	unlock, err := e.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	steps, err := migrations()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, e.writer, steps, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if pending, err := p.HasPending(ctx); err == nil && !pending {
		return nil // checking the foreign keys of a large file at every start would take long
	}
	return e.withoutForeignKeys(ctx, func() error { return whileItProceeds(ctx, p, up) })
}

// whileItProceeds migrates until it succeeds, or fails although nobody has applied a
// migration since the attempt began.
func whileItProceeds(ctx context.Context, p *goose.Provider, up func(*goose.Provider) error) error {
	for {
		before, err := p.GetDBVersion(ctx)
		if err != nil {
			return err
		}
		failed := up(p)
		if failed == nil {
			return nil
		}
		if after, err := p.GetDBVersion(ctx); err != nil || after == before {
			return failed
		}
	}
}

// withoutForeignKeys runs migrations that may replace a table to which rows refer.
// The caller holds the lock of the only connection that writes.
func (e *engine) withoutForeignKeys(ctx context.Context, up func() error) error {
	if _, err := e.writer.ExecContext(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
		return err
	}
	err := up()
	if err == nil {
		err = e.checkForeignKeys(ctx)
	}
	_, on := e.writer.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = ON")
	return errors.Join(err, on)
}

func (e *engine) checkForeignKeys(ctx context.Context) error {
	var orphans int64
	err := e.writer.QueryRowContext(ctx, "SELECT COUNT(*) FROM pragma_foreign_key_check").Scan(&orphans)
	if err == nil && orphans > 0 {
		err = fmt.Errorf("%d rows refer to rows that do not exist", orphans)
	}
	return err
}

// Newest implements sqlstore.Schema.
func (*engine) Newest() (int64, error) {
	steps, err := migrations()
	if err != nil {
		return 0, err
	}
	return sqlstore.Newest(steps)
}
