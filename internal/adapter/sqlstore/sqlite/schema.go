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

// Migrate implements sqlstore.Schema. The turn keeps other goroutines away.
// Another process that migrates the same file can make a step fail that it
// has taken first; the second try finds it taken.
func (e *engine) Migrate(ctx context.Context, up func(*goose.Provider) error) error {
	leave, err := e.lock(ctx)
	if err != nil {
		return err
	}
	defer leave()
	steps, err := migrations()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, e.writer, steps, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if pending, err := p.HasPending(ctx); err == nil && !pending {
		return nil // to check a big shop whenever it starts takes long
	}
	return e.withoutForeignKeys(ctx, func() error {
		if up(p) == nil {
			return nil
		}
		return up(p)
	})
}

// withoutForeignKeys lets a migration put a table in the place of another one
// that rows refer to. The writer is one connection, and this has the turn.
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
	var broken int64
	err := e.writer.QueryRowContext(ctx, "SELECT COUNT(*) FROM pragma_foreign_key_check").Scan(&broken)
	if err == nil && broken > 0 {
		err = fmt.Errorf("%d rows refer to rows that are not there", broken)
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
