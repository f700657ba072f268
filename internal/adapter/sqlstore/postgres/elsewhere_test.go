package postgres

import (
	"errors"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// After a failover the pool must not keep connections to the old server: not the one that
// answers, also where the pool was reset a moment ago.
func TestAConnectionToAServerThatMayOnlyBeReadIsGivenUp(t *testing.T) {
	t.Parallel()
	e := connected(t, "&pool_max_conns=2&default_transaction_read_only=on")
	for range 2 {
		before := process(t, e)
		if again := process(t, e); again != before {
			t.Fatalf("the pool changes its connections by itself: %s, %s", before, again)
		}
		c, err := e.Begin(t.Context(), sqlstore.Write, sqlstore.Usual())
		if err != nil {
			t.Fatal(err)
		}
		err = c.Commit(t.Context(), []sqlstore.Stmt{{SQL: `CREATE TABLE never (id INTEGER)`, Rows: sqlstore.Any}})
		c.End(err)
		if !e.Away(err) || codeOf(err) != "25006" {
			t.Errorf("a write: %v", err)
		}
		if after := process(t, e); after == before {
			t.Errorf("the connection to the process %s is kept", before)
		}
	}
}

// An ordinary error costs no connection.
func TestAConnectionIsKeptAfterOtherErrors(t *testing.T) {
	t.Parallel()
	e := connected(t, "&pool_max_conns=1")
	first := process(t, e)
	for _, text := range []string{`SELECT 1 / 0`, `SELECT nothing`, `DO $$ BEGIN RAISE lock_not_available; END $$`} {
		c, err := e.Begin(t.Context(), sqlstore.Write, sqlstore.Usual())
		if err != nil {
			t.Fatal(err)
		}
		err = c.Commit(t.Context(), []sqlstore.Stmt{{SQL: text, Rows: sqlstore.Any}})
		c.End(err)
		if err == nil || e.Away(err) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if again := process(t, e); again != first {
		t.Errorf("the connection to the process %s was given up", first)
	}
}

// A transaction that was given up before its first statement has no connection to close.
func TestAnErrorBeforeTheFirstStatementEndsATransaction(t *testing.T) {
	t.Parallel()
	c, err := connected(t, "").Begin(t.Context(), sqlstore.Write, sqlstore.Usual())
	if err != nil {
		t.Fatal(err)
	}
	c.End(errors.New("refused"))
}

// process returns the number of the process of the server that serves a connection.
func process(t *testing.T, e *engine) (pid string) {
	t.Helper()
	if err := e.pool.QueryRow(t.Context(), `SELECT pg_backend_pid()::text`).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	return pid
}
