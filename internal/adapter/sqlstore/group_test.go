package sqlstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// SQLite has one writer at a time, so that no row is ever locked by another transaction.
func TestAGroupSkipsRowsThatOthersHaveLockedOnPostgres(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t, sqlstore.Options{})
	held, free := twoProducts(t, db)
	rows := store.GroupRows{Products: []int64{held, free}}
	err := db.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Stocks.Lock(t.Context(), []int64{held}); err != nil {
			return err
		}
		return db.Update(t.Context(), func(tx store.Tx) error {
			got, err := tx.Group.Lock(t.Context(), store.GroupNeeds{GroupRows: rows})
			_, skipped := got.Stocks[held]
			_, locked := got.Stocks[free]
			if skipped || !locked || len(got.Products) != 2 {
				t.Errorf("%+v", got)
			}
			return err
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAGroupWaitsForTheRowsOfWaitOnPostgres(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t, sqlstore.Options{})
	held, free := twoProducts(t, db)
	waited := make(chan error, 1)
	err := db.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Stocks.Lock(t.Context(), []int64{held}); err != nil {
			return err
		}
		go func() {
			waited <- db.Update(t.Context(), func(tx store.Tx) error {
				got, err := tx.Group.Lock(t.Context(), store.GroupNeeds{
					GroupRows: store.GroupRows{Products: []int64{held, free}}, Wait: store.GroupRows{Products: []int64{held}},
				})
				if got.Stocks[held].Quantity() != 3 {
					t.Errorf("it has not waited for the commit: %+v", got)
				}
				return err
			})
		}()
		tx.Stocks.SaveAll([]product.Stock{product.StockOf(held, 3)}, nil)
		return nil
	})
	if err := errors.Join(err, <-waited); err != nil {
		t.Error(err)
	}
}

func TestAGroupTakesTwoRoundTrips(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(storetest.Schema(t))
	if err != nil {
		t.Fatal(err)
	}
	var c counter
	u.Host = c.listen(t, u.Host)
	db := openPostgres(t, u.String()+"&pool_max_conns=1")
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, two := twoProducts(t, db)
	rows := store.GroupRows{
		Wallets: []id.ID{{1}}, Products: []int64{one, two}, Coupons: []store.NamedCoupon{{User: id.ID{1}, Named: id.ID{2}}},
	}
	least := int64(100)
	for range 4 { // the first one prepares statements
		before := c.trips.Load()
		err := db.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.Group.Lock(t.Context(), store.GroupNeeds{GroupRows: rows, Wait: rows, Keys: []store.Key{{Key: "k"}}})
			tx.Stocks.SaveAll([]product.Stock{product.StockOf(one, 3), product.StockOf(two, 4)}, nil)
			tx.Outbox.AppendAll(time.Now(), []store.TracedEvent{{Event: event.NewStockDepleted(one)}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		least = min(least, c.trips.Load()-before)
	}
	if least != 2 {
		t.Errorf("%d round trips, want 2", least)
	}
}

// breaker is a proxy that breaks the connection when the server answers, once it is told to.
type breaker struct{ armed atomic.Bool }

func (b *breaker) listen(t *testing.T, server string) (address string) {
	t.Helper()
	return proxyTo(t, server, b.carry)
}

func (b *breaker) carry(client, server net.Conn) {
	go func() { _, _ = io.Copy(server, client) }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || b.armed.Load() {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func TestTheStoreSaysWhetherATransactionMayBeCommittedOnPostgres(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(storetest.Schema(t))
	if err != nil {
		t.Fatal(err)
	}
	var b breaker
	u.Host = b.listen(t, u.Host)
	db := openPostgres(t, u.String()+"&pool_max_conns=1")
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid, _ := twoProducts(t, db)
	save := func(ctx context.Context, tx store.Tx, pid int64) error {
		_, err := tx.Stocks.Lock(ctx, []int64{pid})
		tx.Stocks.SaveAll([]product.Stock{product.StockOf(pid, 3)}, nil)
		return err
	}
	ended, end := context.WithCancel(t.Context())
	for _, c := range []struct {
		what    string
		unknown bool
		run     func(tx store.Tx) error
		ctx     context.Context //nolint:containedctx // a row of a table
	}{
		{"a statement that is refused", false, func(tx store.Tx) error { return save(t.Context(), tx, 99) }, t.Context()},
		{"a context that ends before the COMMIT", false, func(tx store.Tx) error { defer end(); return save(ended, tx, pid) }, ended},
		{"a connection that breaks at the COMMIT", true, func(tx store.Tx) error { defer b.armed.Store(true); return save(t.Context(), tx, pid) }, t.Context()},
		{"a connection that breaks before", false, func(tx store.Tx) error { return save(t.Context(), tx, pid) }, t.Context()},
	} {
		err := db.Update(c.ctx, c.run)
		if err == nil || errors.Is(err, store.ErrCommitUnknown) != c.unknown {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// A connection whose first groups are of one order must not plan every statement anew: a
// row looks cheaper than the number that a plan for all values expects.
func TestTheStatementsOfAGroupAreNotPlannedEachTime(t *testing.T) {
	t.Parallel()
	db := openPostgres(t, storetest.Schema(t)+"&pool_max_conns=1")
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid, _ := twoProducts(t, db)
	rows := store.GroupRows{
		Wallets: []id.ID{{1}}, Products: []int64{pid}, Coupons: []store.NamedCoupon{{User: id.ID{1}, Named: id.ID{2}}},
	}
	for n := range byte(20) {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			key := store.Key{Key: "k", UserID: id.ID{n}}
			_, err := tx.Group.Lock(t.Context(), store.GroupNeeds{GroupRows: rows, Keys: []store.Key{key}})
			tx.Stocks.SaveAll([]product.Stock{product.StockOf(pid, 3)}, []product.Movement{{ProductID: pid, Delta: 1, Quantity: 3, Reason: product.Adjusted}})
			tx.Outbox.AppendAll(time.Now(), []store.TracedEvent{{Event: event.NewStockDepleted(pid)}})
			tx.Keys.KeepAll([]store.KeptAnswer{{Key: key, Answer: store.Answer{Status: 200}}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	conn, err := sqlstore.Connection(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.End(nil)
	found, err := conn.Query(t.Context(), nil, sqlstore.Stmt{SQL: `
		SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements WHERE generic_plans + custom_plans >= 20`})
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	statements := 0
	for found.Next() {
		var text string
		var once, each int64
		if err := found.Scan(&text, &once, &each); err != nil {
			t.Fatal(err)
		}
		statements++
		if each > 5 {
			t.Errorf("planned %d times: %s", each, text)
		}
	}
	if statements < 9 {
		t.Errorf("only %d statements were found", statements)
	}
}
