package sqlite

import (
	"context"
	"embed"
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
	leave, err := e.enter(ctx)
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
	if up(p) == nil {
		return nil
	}
	return up(p)
}

// Newest implements sqlstore.Schema.
func (*engine) Newest() (int64, error) {
	steps, err := migrations()
	if err != nil {
		return 0, err
	}
	return sqlstore.Newest(steps)
}
