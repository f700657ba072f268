package wire_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func env() wire.Env { return wire.NewEnv(slog.New(slog.DiscardHandler)) }

// Requests that wait for a row hold every connection of their share. Nothing else waits
// behind them, and background work takes no connection of theirs.
func TestNoPartOfAProgramTakesTheConnectionsOfAnother(t *testing.T) {
	t.Parallel()
	address := storetest.Schema(t) + "&pool_max_conns=6"
	db, err := env().Store(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	shares := wire.Divide(db)
	all := map[string]*sqlstore.DB{"main": shares.Main, "relay": shares.Relay, "background": shares.Background, "health": shares.Health}
	for name, busy := range all {
		held := hold(t, busy)
		for other, free := range all {
			timeout, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if other == name {
				cancel()
			}
			if err := free.Ping(timeout); (err == nil) != (other != name) {
				t.Errorf("while all connections of %s are held, %s: %v", name, other, err)
			}
			cancel()
		}
		if u := busy.Usage(); u.Used != u.Size {
			t.Errorf("%s: %+v", name, u)
		}
		held()
	}
	if got := db.Connections(); got != 6 {
		t.Errorf("%d connections", got)
	}
}

// hold holds all connections of a share until release is called.
func hold(t *testing.T, db *sqlstore.DB) (release func()) {
	t.Helper()
	end := make(chan struct{})
	var holding, ended sync.WaitGroup
	for range db.Usage().Size {
		holding.Add(1)
		ended.Go(func() {
			held := sync.OnceFunc(holding.Done)
			defer held()
			err := db.Snapshot(t.Context(), func(tx store.Tx) error {
				_, _, err := tx.Outbox.Backlog(t.Context()) // takes the connection
				held()
				<-end
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	holding.Wait()
	return func() { close(end); ended.Wait() }
}

func TestAMissingDatabaseIsNotCreated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "typo.db")
	_, err := env().MigratedStore(t.Context(), "sqlite:"+path)
	if err == nil || !strings.Contains(err.Error(), "commerce migrate") {
		t.Errorf("MigratedStore = %v", err)
	}
	if files, err := filepath.Glob(path + "*"); err != nil || len(files) > 0 {
		t.Errorf("it created %v (%v)", files, err)
	}
}
