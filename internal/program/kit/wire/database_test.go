package wire_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func env() wire.Env { return wire.NewEnv(slog.New(slog.DiscardHandler)) }

// Requests that wait for a row hold every connection of their pool; the relay must
// not wait behind them.
func TestTheRelayHasConnectionsOfItsOwn(t *testing.T) {
	t.Parallel()
	address := storetest.Schema(t) + "&pool_max_conns=1"
	db, err := env().Store(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	relayDB, closeRelayDB, err := env().RelayStore(t.Context(), address, db)
	if err != nil {
		t.Fatal(err)
	}
	defer closeRelayDB() //nolint:errcheck // nothing is lost with it
	err = db.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Stocks.Lock(t.Context(), []int64{1}); err != nil { // takes the connection
			return err
		}
		timeout, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := db.Ping(timeout); err == nil {
			t.Error("the store for requests has a connection left: this test shows nothing")
		}
		return relayDB.Ping(t.Context())
	})
	if err != nil {
		t.Errorf("the relay's store: %v", err)
	}
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
