package sqlstore_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// empties returns a function for each engine that opens two stores on one empty
// database.
func empties() map[string]func(t *testing.T) (one, other *sqlstore.DB) {
	return map[string]func(t *testing.T) (one, other *sqlstore.DB){
		"SQLite": func(t *testing.T) (one, other *sqlstore.DB) {
			t.Helper()
			path := filepath.Join(t.TempDir(), "shop.db")
			return openSQLite(t, path), openSQLite(t, path)
		},
		"PostgreSQL": func(t *testing.T) (one, other *sqlstore.DB) {
			t.Helper()
			address := storetest.Schema(t)
			return openPostgres(t, address), openPostgres(t, address)
		},
	}
}

func TestAnEmptyDatabaseSaysWhichCommandToRun(t *testing.T) {
	t.Parallel()
	for name, open := range empties() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := open(t)
			err := db.CheckSchema(t.Context())
			if !errors.Is(err, sqlstore.ErrSchema) || !strings.Contains(err.Error(), "commerce migrate") {
				t.Errorf("an empty database: %v", err)
			}
			have, want, err := db.Version(t.Context())
			if have != 0 || want < 1 || err != nil {
				t.Errorf("an empty database is at version %d of %d (%v)", have, want, err)
			}
		})
	}
}

func TestProgramsMayMigrateAtTheSameTime(t *testing.T) {
	t.Parallel()
	for name, open := range empties() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			var both sync.WaitGroup
			for _, db := range []*sqlstore.DB{one, other} {
				both.Go(func() {
					if _, err := db.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			if err := errors.Join(one.CheckSchema(t.Context()), other.CheckSchema(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEventsHaveTheTraceparentOfTheirTransaction(t *testing.T) {
	t.Parallel()
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	db, ctx := storetest.SQLite(t, sqlstore.Options{}), tracing.Continue(t.Context(), traceparent)
	err := db.Update(ctx, func(tx store.Tx) error {
		tx.Outbox.Append(time.Now(), event.NewStockDepleted(1))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(ctx, func(tx store.Tx) error {
		found, err := tx.Outbox.Next(ctx, []int{0, 1, 2, 3, 4, 5, 6, 7}, 1)
		if len(found) != 1 || found[0].Envelope.Traceparent != traceparent {
			t.Errorf("the outbox has %+v", found)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestATransactionThatLosesEveryRaceFails(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, sqlstore.Options{})
	k := store.Key{Route: "r", Key: "k"}
	runs := 0
	for range 2 {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			runs++
			tx.Keys.Keep(k, store.Answer{Status: 200})
			return nil
		})
		if runs > 1 && err == nil {
			t.Error("an answer was stored twice")
		}
	}
	if runs != 1+10 {
		t.Errorf("the two transactions ran %d times, want 1 + 10", runs)
	}
}
