// Package storetest opens fresh stores for tests, and is the suite that every
// store must pass.
package storetest

import (
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// SQLite returns an empty store in a file of its own, which is closed when the
// test ends. Options that are left out are the real clock, real randomness and
// no log. It can be used inside a synctest bubble.
func SQLite(t testing.TB, o sqlstore.Options) *sqlstore.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "shop.db"), Complete(o))
	return ready(t, db, err)
}

// Complete fills in the options that are left out.
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

func ready(t testing.TB, db *sqlstore.DB, err error) *sqlstore.DB {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
