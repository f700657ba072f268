package sqlstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// deadlines notes the deadlines of the transactions that begin.
type deadlines struct {
	sqlstore.Engine

	left func(time.Duration, bool)
}

func (d deadlines) Begin(ctx context.Context, mode sqlstore.Mode, l sqlstore.Limits) (sqlstore.Conn, error) {
	at, has := ctx.Deadline()
	d.left(time.Until(at), has)
	return d.Engine.Begin(ctx, mode, l)
}

// Nothing waits for the database for ever, whoever forgets to say for how long.
func TestEveryTransactionHasADeadline(t *testing.T) {
	t.Parallel()
	var left time.Duration
	var has bool
	db := storetest.SQLite(t, sqlstore.Options{}).Through(func(e sqlstore.Engine) sqlstore.Engine {
		return deadlines{e, func(d time.Duration, known bool) { left, has = d, known }}
	})
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	nothing := func(store.Tx) error { return nil }
	for what, run := range map[string]func(*sqlstore.DB, context.Context) error{
		"update":   func(db *sqlstore.DB, ctx context.Context) error { return db.Update(ctx, nothing) },
		"view":     func(db *sqlstore.DB, ctx context.Context) error { return db.View(ctx, nothing) },
		"snapshot": func(db *sqlstore.DB, ctx context.Context) error { return db.Snapshot(ctx, nothing) },
		"ping":     (*sqlstore.DB).Ping, "schema": (*sqlstore.DB).CheckSchema,
	} {
		for name, c := range map[string]struct {
			db   *sqlstore.DB
			ctx  context.Context //nolint:containedctx // a row of a table
			most time.Duration
		}{
			"no deadline": {db, t.Context(), time.Minute}, "one of its own": {db, soon, 10 * time.Second}, "long work": {db.Long(), t.Context(), 2 * time.Hour},
		} {
			has = false
			if err := run(c.db, c.ctx); err != nil {
				t.Errorf("%s, %s: %v", what, name, err)
			}
			if !has || left > c.most || left < c.most/2 {
				t.Errorf("%s, %s: %v are left (%t), want %v", what, name, left, has, c.most)
			}
		}
	}
}

// A program that holds a lock may be gone, and one that waits for it may not be heard.
func TestALockThatIsNotFreeInTimeIsBusy(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t, sqlstore.Options{})
	first, second := twoProducts(t, db)
	err := db.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Stocks.Lock(t.Context(), []int64{first}); err != nil {
			return err
		}
		var all sync.WaitGroup
		defer all.Wait()
		for what, wait := range map[string]func(store.Tx) error{
			"a lock": func(tx store.Tx) error { _, err := tx.Stocks.Lock(t.Context(), []int64{second, first}); return err },
			"a group": func(tx store.Tx) error {
				_, err := tx.Group.Lock(t.Context(), store.GroupNeeds{
					GroupRows: store.GroupRows{Products: []int64{first}}, Wait: store.GroupRows{Products: []int64{first}},
				})
				return err
			},
			"a queued write": func(tx store.Tx) error { tx.Stocks.Save(product.StockOf(first, 1), product.Movement{}); return nil },
		} {
			all.Go(func() {
				if err := db.Update(t.Context(), wait); !errors.Is(err, store.ErrBusy) {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
