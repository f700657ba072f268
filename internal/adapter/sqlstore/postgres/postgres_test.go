package postgres

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// testAddress returns the address of the server that tests use.
func testAddress(t *testing.T) string {
	t.Helper()
	address := os.Getenv("TEST_DATABASE_URL")
	if address == "" {
		t.Fatal("TEST_DATABASE_URL is not set: run `make services` and use `make test`")
	}
	return address
}

// connected returns an engine on the server that tests use.
func connected(t *testing.T, suffix string) *engine {
	t.Helper()
	e, err := connect(t.Context(), testAddress(t)+suffix, sqlstore.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

const shownSettings = `SELECT current_setting('lock_timeout') || ' ' || current_setting('statement_timeout') || ' ' ||
	current_setting('idle_in_transaction_session_timeout') || ' ' || current_setting('random_page_cost')`

func TestSettingsAreChangedUnlessTheAdministratorHas(t *testing.T) {
	t.Parallel()
	for suffix, want := range map[string]string{
		"": "2s 30s 1min 1.1",
		"&idle_in_transaction_session_timeout=5000": "2s 30s 5s 1.1",
		"&random_page_cost=2":                       "2s 30s 1min 2",
		"&lock_timeout=700":                         "700ms 30s 1min 1.1",
		"&statement_timeout=5000":                   "2s 5s 1min 1.1",
	} {
		var got string
		if err := connected(t, suffix).pool.QueryRow(t.Context(), shownSettings).Scan(&got); got != want || err != nil {
			t.Errorf("with %q the settings are %q (%v), want %q", suffix, got, err, want)
		}
	}
}

// Long work has other limits, in each kind of transaction, and only until it ends. Behind a
// pooler the limits come with each transaction, or each pipeline, because the connection has
// none.
func TestATransactionHasTheLimitsOfItsWork(t *testing.T) {
	t.Parallel()
	long := sqlstore.Limits{Lock: 3 * time.Second, Statement: time.Hour}
	direct, pooled := connected(t, "&pool_max_conns=1"), connected(t, "&pool_max_conns=1")
	pooled.pooled = true
	if _, err := pooled.pool.Exec(t.Context(), `RESET ALL`); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		engine *engine
		limits sqlstore.Limits
		want   string
	}{
		{"long", direct, long, "3s 1h 1min 1.1"},
		{"usual", direct, sqlstore.Usual(), "2s 30s 1min 1.1"},
		{"pooled, long", pooled, long, "3s 1h 1min 1.1"},
		{"pooled, usual", pooled, sqlstore.Usual(), "2s 30s 1min 1.1"},
	} {
		for _, mode := range []sqlstore.Mode{sqlstore.Write, sqlstore.Read, sqlstore.Snapshot} {
			tx, err := c.engine.Begin(t.Context(), mode, c.limits)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got := shown(t, tx); got != c.want {
					t.Errorf("%s, mode %d: %q, want %q", c.what, mode, got, c.want)
				}
			}
			if err := tx.Commit(t.Context(), nil); err != nil {
				t.Error(err)
			}
			tx.End(nil)
		}
	}
	var got string
	if err := pooled.pool.QueryRow(t.Context(), shownSettings).Scan(&got); err != nil || got[:4] != "0 0 " {
		t.Errorf("behind a pooler the connection keeps %q (%v)", got, err)
	}
}

func shown(t *testing.T, tx sqlstore.Conn) (text string) {
	t.Helper()
	found, err := tx.Query(t.Context(), nil, sqlstore.Stmt{SQL: shownSettings, Rows: sqlstore.Any})
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		if err := found.Scan(&text); err != nil {
			t.Error(err)
		}
	}
	if err := found.Close(); err != nil {
		t.Error(err)
	}
	return text
}
