// Package storetest opens fresh stores for tests.
package storetest

import (
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// SQLite returns an empty store in a file of its own, which is closed when the
// test ends. Options that are left out are the real clock, real randomness and
// no log. It can be used inside a synctest bubble.
func SQLite(tb testing.TB, o sqlstore.Options) *sqlstore.DB {
	tb.Helper()
	db, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "shop.db"), Complete(o))
	return ready(tb, db, err)
}

// Postgres returns an empty store in a schema of its own on the server that
// TEST_DATABASE_URL names. The schema is dropped when the test ends.
func Postgres(tb testing.TB, o sqlstore.Options) *sqlstore.DB {
	tb.Helper()
	db, err := postgres.Open(tb.Context(), Schema(tb), Complete(o))
	return ready(tb, db, err)
}

// Schema makes an empty schema on the server that TEST_DATABASE_URL names, to
// be dropped when the test ends, and returns the address that leads into it.
func Schema(tb testing.TB) string {
	tb.Helper()
	address := os.Getenv("TEST_DATABASE_URL")
	if address == "" {
		tb.Fatal("TEST_DATABASE_URL is not set: run `make services` and use `make test`")
	}
	name := "test_" + strings.ToLower(rand.Text())
	administer(tb, address, "CREATE SCHEMA "+name)
	tb.Cleanup(func() { administer(tb, address, "DROP SCHEMA "+name+" CASCADE") })
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func administer(tb testing.TB, address, statement string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context()) // it has ended when the schema is dropped
	c, err := pgx.Connect(ctx, address)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		tb.Error(err)
	}
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

func ready(tb testing.TB, db *sqlstore.DB, err error) *sqlstore.DB {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close the store: %v", err)
		}
	})
	if _, err := db.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return db
}
