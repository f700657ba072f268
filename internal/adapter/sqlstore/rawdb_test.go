package sqlstore_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver of PostgreSQL

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// rawDB is a connection to the database of a store, for SQL. open opens another store
// on the same database, as another program does.
type rawDB struct {
	*sql.DB
	engine string
	open   func() *sqlstore.DB
}

// eachEngine runs test with a new database of each engine, without tables.
func eachEngine(t *testing.T, test func(*testing.T, rawDB)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) rawDB{"SQLite": rawSQLite, "PostgreSQL": rawPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func rawSQLite(t *testing.T) rawDB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	open := func() *sqlstore.DB { return openSQLite(t, path) }
	open() // creates the file with the settings of the store
	return rawDB{openRaw(t, "sqlite", path+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)"), "sqlite", open}
}

func rawPostgres(t *testing.T) rawDB {
	t.Helper()
	address := storetest.Schema(t)
	return rawDB{openRaw(t, "pgx", address), "postgres", func() *sqlstore.DB { return openPostgres(t, address) }}
}

func openRaw(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// migrated brings the tables up to date.
func (r rawDB) migrated(t *testing.T) {
	t.Helper()
	if _, err := r.open().Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r rawDB) exec(t *testing.T, text string, args ...any) {
	t.Helper()
	if _, err := r.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// lines returns the rows of a query, each as text.
func (r rawDB) lines(t *testing.T, query string) (all []string) {
	t.Helper()
	rows, err := r.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// uid returns the n-th id of a kind, as text. The ids of a kind sort by n.
func uid(kind, n int) string { return fmt.Sprintf("01920000-%04x-7000-8000-%012x", kind, n) }
