package storetest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
)

// template is the content of a migrated SQLite file. It is made once for all
// tests of a program: to copy it takes a tenth of the time that a migration takes.
var template struct {
	once    sync.Once
	content []byte
}

// migratedFile returns the path of a new SQLite file with empty tables.
func migratedFile(tb testing.TB) string {
	tb.Helper()
	template.once.Do(func() { template.content = migrate(tb) })
	if template.content == nil {
		tb.Fatal("the first test could not migrate a SQLite file")
	}
	path := filepath.Join(tb.TempDir(), "shop.db")
	if err := os.WriteFile(path, template.content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// migrate returns the content of a file after all migrations.
func migrate(tb testing.TB) []byte {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "template.db")
	db, err := sqlite.Open(tb.Context(), path, Complete(sqlstore.Options{}))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := db.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if err := db.Close(); err != nil { // writes what is in the log to the file
		tb.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return content
}
