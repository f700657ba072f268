// Package storetest opens fresh stores for tests.
package storetest

import (
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// SQLite returns an empty store in a file of its own. The store is closed when
// the test ends. Options that are left out are filled in by Complete. It can be
// used inside a synctest bubble.
func SQLite(tb testing.TB, o sqlstore.Options) *sqlstore.DB {
	tb.Helper()
	db, err := sqlite.Open(tb.Context(), migratedFile(tb), Complete(o))
	return opened(tb, db, err)
}

// Postgres returns an empty store in a schema that no other test uses at the
// same time, on the server that TEST_DATABASE_URL names. The store is closed
// when the test ends. Options that are left out are filled in by Complete.
// A test that changes the tables themselves takes a Schema instead.
func Postgres(tb testing.TB, o sqlstore.Options) *sqlstore.DB {
	tb.Helper()
	db, err := postgres.Open(tb.Context(), migratedSchema(tb), Complete(o))
	return opened(tb, db, err)
}

// opened closes db when the test ends.
func opened(tb testing.TB, db *sqlstore.DB, err error) *sqlstore.DB {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close the store: %v", err)
		}
	})
	return db
}

// Complete fills in the options that are left out: the real clock, real
// randomness and no log.
func Complete(o sqlstore.Options) sqlstore.Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.IDs == nil {
		o.IDs = id.NewSource(o.Clock, rand.Reader)
	}
	if o.Random == nil {
		o.Random = mathrand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
