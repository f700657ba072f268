package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Schema makes an empty schema on the server that TEST_DATABASE_URL names, and
// returns the address that leads into it. The schema is dropped when the test
// ends.
func Schema(tb testing.TB) string {
	tb.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	administer(tb, "CREATE SCHEMA "+name)
	tb.Cleanup(func() { administer(tb, "DROP SCHEMA "+name+" CASCADE") })
	return within(tb, name)
}

func administer(tb testing.TB, statement string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context()) // it has ended when the schema is dropped
	c := connect(tb)
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		tb.Error(err)
	}
}

func connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	c, err := pgx.Connect(context.WithoutCancel(tb.Context()), server(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// server returns the address of the server that tests use.
func server(tb testing.TB) string {
	tb.Helper()
	address := os.Getenv("TEST_DATABASE_URL")
	if address == "" {
		tb.Fatal("TEST_DATABASE_URL is not set: run `make services` and use `make test`")
	}
	return address
}

// within returns the address of a schema on the server.
func within(tb testing.TB, schema string) string {
	tb.Helper()
	u, err := url.Parse(server(tb))
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
