package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrSchema is returned by CheckSchema if the tables are missing or too old.
var ErrSchema = fault.New(fault.Unavailable, "SCHEMA_TOO_OLD", "the schema is too old: run `commerce migrate`")

// Schema creates and changes the tables.
type Schema interface {
	// Migrate calls up with the migrations of the engine. Meanwhile no other
	// program migrates the same database.
	Migrate(ctx context.Context, up func(*goose.Provider) error) error
	// Newest returns the version of the newest migration of this program.
	Newest() (int64, error)
}

// Migration is a migration that was applied.
type Migration struct {
	Version int64
	Name    string // of the file
}

// Migrate brings the tables up to date, and returns the migrations that it applied.
// Several programs may call it at the same time: one of them does the work.
func (d *DB) Migrate(ctx context.Context) ([]Migration, error) {
	var taken []Migration
	err := d.parts.Schema.Migrate(ctx, func(p *goose.Provider) error {
		steps, err := p.Up(ctx)
		for _, step := range steps {
			taken = append(taken, Migration{step.Source.Version, step.Source.Path})
		}
		return err
	})
	if err != nil {
		return taken, fmt.Errorf("migrate: %w", err)
	}
	if err := d.addMissingNames(ctx); err != nil {
		return taken, fmt.Errorf("index the names of products: %w", err)
	}
	if err := d.foldMissing(ctx); err != nil {
		return taken, fmt.Errorf("fold texts: %w", err)
	}
	return taken, nil
}

// Version returns the version of the tables, 0 if there are none, and the version
// that this program needs.
func (d *DB) Version(ctx context.Context) (have, want int64, err error) {
	if want, err = d.parts.Schema.Newest(); err != nil {
		return 0, 0, err
	}
	err = d.read(ctx, func(s *session) error {
		have, err = first(ctx, s.each, stmt(`SELECT MAX(version_id) FROM goose_db_version`), scalar[int64], nil)
		return err
	})
	if d.parts.Engine.Violated(err).Rule == Table {
		return 0, want, nil
	}
	return have, want, err
}

// CheckSchema returns ErrSchema if the tables are older than this program needs.
// Newer tables are accepted: programs of the version before must keep working
// after a migration.
func (d *DB) CheckSchema(ctx context.Context) error {
	have, want, err := d.Version(ctx)
	if err == nil && have < want {
		err = ErrSchema.Because("the schema is at version %d, this program needs %d: run `commerce migrate`", have, want)
	}
	return err
}

// Ping returns an error if the database does not answer.
func (d *DB) Ping(ctx context.Context) error {
	return d.read(ctx, func(s *session) error {
		_, err := first(ctx, s.each, stmt(`SELECT 1`), scalar[int64], errors.New("no answer"))
		return err
	})
}

func (d *DB) read(ctx context.Context, fn func(*session) error) error {
	ctx, done := d.within(ctx)
	defer done()
	return d.connected(ctx, Read, fn)
}

// Newest returns the highest version among migration files: 0001_name.sql.
func Newest(steps fs.FS) (int64, error) {
	names, err := fs.Glob(steps, "*.sql")
	var newest int64
	for _, name := range names {
		version, invalid := goose.NumericComponent(name)
		newest, err = max(newest, version), errors.Join(err, invalid)
	}
	return newest, err
}
