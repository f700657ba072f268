package postgres

import (
	"errors"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

func TestAServerThatIsStartingIsUnavailable(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://shop@"+starting(t)+"/shop?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	for _, mode := range []sqlstore.Mode{sqlstore.Write, sqlstore.Read, sqlstore.Snapshot} {
		c, err := (&engine{pool: pool}).Begin(t.Context(), mode, sqlstore.Usual())
		if err != nil {
			t.Fatal(err)
		}
		err = c.Commit(t.Context(), []sqlstore.Stmt{{SQL: "SELECT 1", Rows: sqlstore.Any}})
		c.End(err)
		if !errors.Is(err, sqlstore.ErrUnavailable) {
			t.Errorf("mode %d: %v is not ErrUnavailable", mode, err)
		}
	}
}

// starting returns the address of a server that answers that it is starting.
func starting(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server := pgproto3.NewBackend(c, c)
			if _, err := server.ReceiveStartupMessage(); err == nil {
				server.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "57P03", Message: "the database system is starting up"})
				_ = server.Flush()
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}
