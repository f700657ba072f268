package sqlstore_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/conformance"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t *testing.T) *sqlstore.DB {
		t.Helper()
		return sqlstore.Turning(storetest.SQLite(t, sqlstore.Options{}), 3, 2) // few products are many
	})
}

func openSQLite(t *testing.T, path string) *sqlstore.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, storetest.Complete(sqlstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func addBrand(t *testing.T, db store.DB, name string) error {
	t.Helper()
	return db.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Brands.Add(t.Context(), product.Brand{Name: name})
		return err
	})
}

func TestSQLiteWorksInASynctestBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		began := time.Now()
		for _, name := range []string{"a", "b"} {
			if err := addBrand(t, db, name); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if passed := time.Since(began); passed != 0 {
			t.Errorf("the store waited for %v", passed)
		}
	})
}

func TestSQLiteKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a shop? #1 at 100% + more.db")
	db := openSQLite(t, path)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := addBrand(t, db, "kept"); err != nil {
		t.Fatal(err)
	}
	again := openSQLite(t, path) // the first store is still open, as after a crash
	if err := addBrand(t, again, "kept"); !errors.Is(err, product.ErrBrandNameTaken) {
		t.Errorf("the brand is not there: %v", err)
	}
	if names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); err != nil || len(names) == 0 || names[0] != path {
		t.Errorf("the files are %q (%v)", names, err)
	}
}

// Two processes that read and then write one file wait for each other. No transaction
// is run again.
func TestSQLiteSharesItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop.db")
	one, other := openSQLite(t, path), openSQLite(t, path)
	if _, err := one.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid, _ := twoProducts(t, one)
	const each = 50
	var runs atomic.Int64
	var both sync.WaitGroup
	for _, db := range []*sqlstore.DB{one, other} {
		both.Go(func() {
			for range each {
				err := db.Update(t.Context(), func(tx store.Tx) error {
					runs.Add(1)
					stocks, err := tx.Stocks.Lock(t.Context(), []int64{pid})
					if err != nil {
						return err
					}
					more, err := stocks[0].Put(1)
					tx.Stocks.Save(more, product.Movement{ProductID: pid, Delta: 1, Quantity: more.Quantity(), Reason: product.Adjusted})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	err := one.View(t.Context(), func(tx store.Tx) error {
		l, err := tx.Products.Get(t.Context(), pid)
		if l.Stock != 2*each || runs.Load() != 2*each {
			t.Errorf("a stock of %d after %d runs, want %d", l.Stock, runs.Load(), 2*each)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The tables refuse the values that the types of PostgreSQL refuse.
func TestSQLiteTablesRefuseWhatTypesWouldRefuse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop.db")
	if _, err := openSQLite(t, path).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const good = "01920000-0000-7000-8000-00000000000a"
	insert := `INSERT INTO event_handled (event_id, consumer, at_us) VALUES (?, ?, ?)`
	if _, err := db.ExecContext(t.Context(), insert, good, "c", 1); err != nil {
		t.Fatal(err)
	}
	for what, args := range map[string][]any{
		"an id in upper case":        {strings.ToUpper(good), "c", 1},
		"an id without hyphens":      {strings.ReplaceAll(good, "-", "0"), "c", 1},
		"an id that is too short":    {good[1:], "c", 1},
		"an id of other letters":     {strings.Replace(good, "a", "x", 1), "c", 1},
		"no id":                      {nil, "c", 1},
		"a text where a time is":     {good, "d", "now"},
		"a fraction where a time is": {good, "d", 1.5},
	} {
		if _, err := db.ExecContext(t.Context(), insert, args...); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}
