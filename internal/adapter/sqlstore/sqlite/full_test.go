package sqlite

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// A disk without room refuses writes. Reads go on, and everything when there is room again.
func TestAFullDiskIsAwayForWritesOnly(t *testing.T) {
	t.Parallel()
	e, db := migrated(t)
	room := func(pages string) {
		if _, err := e.writer.ExecContext(t.Context(), "PRAGMA max_page_count = "+pages); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	write := func() error { n++; return addBrands(t, db, n) }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	room("1") // no more than there are
	for range 3 {
		if err := write(); !errors.Is(err, sqlstore.ErrUnavailable) || !isCode(err, codes.SQLITE_FULL) {
			t.Errorf("a write without room: %v", err)
		}
	}
	if err := db.Health(t.Context()); !errors.Is(err, sqlstore.ErrUnavailable) {
		t.Errorf("health without room: %v", err)
	}
	err := db.View(t.Context(), func(tx store.Tx) error { _, err := tx.Brands.ByName(t.Context(), "brand 1 of 1"); return err })
	if err != nil {
		t.Errorf("a read without room: %v", err)
	}
	room("1000000")
	if err := errors.Join(write(), db.CheckSchema(t.Context())); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// A file that may only be read refuses writes, from the first statement on.
func TestAFileThatMayOnlyBeReadIsAwayForWritesOnly(t *testing.T) {
	t.Parallel()
	e, db := migrated(t)
	if _, err := e.writer.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if err := addBrands(t, db, 1); !errors.Is(err, sqlstore.ErrUnavailable) || !isCode(err, codes.SQLITE_READONLY) {
		t.Errorf("a write: %v", err)
	}
	if err := db.CheckSchema(t.Context()); err != nil {
		t.Errorf("a read: %v", err)
	}
}

func isCode(err error, code int) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && e.Code()&0xFF == code
}

func migrated(t *testing.T) (*engine, *sqlstore.DB) {
	t.Helper()
	e, err := openEngine(t.Context(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	db := e.store(sqlstore.Options{
		Clock: time.Now, IDs: id.NewSource(time.Now, rand.Reader), Random: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler),
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e, db
}

// addBrands adds some pages of brands.
func addBrands(t *testing.T, db *sqlstore.DB, round int) error {
	t.Helper()
	return db.Update(t.Context(), func(tx store.Tx) error {
		for n := range 500 {
			if _, err := tx.Brands.Add(t.Context(), product.Brand{Name: fmt.Sprintf("brand %d of %d", n, round)}); err != nil {
				return err
			}
		}
		return nil
	})
}
