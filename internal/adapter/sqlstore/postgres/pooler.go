package postgres

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5"
)

// errPooled is the error of migrations through a pooler: their lock would stay with a
// connection of the server that serves somebody else next.
var errPooled = errors.New("a connection pooler is between, and migrations need a connection of their own: " +
	"give the address of the server itself as DATABASE_DIRECT_URL")

// behindPooler reports whether a pooler, such as PgBouncer, is between. The server tells
// each connection which of its processes serves it, so that its statements can be
// cancelled. A pooler tells a number of its own.
//
// Nobody can see whether it keeps a connection of the server for a session or for a
// transaction, which may change. So nothing is expected of a session behind any pooler.
func behindPooler(ctx context.Context, c *pgx.ConnConfig) (pooled bool, err error) {
	c = c.Copy()
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(ctx) }() // it is not used again
	var process int64
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&process); err != nil {
		return false, err
	}
	return process != int64(conn.PgConn().PID()), nil
}

// withoutSession has the client expect nothing of a session: no statement that was prepared
// in one transaction is there in the next.
func withoutSession(c *pgx.ConnConfig) {
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	c.StatementCacheCapacity = 0
}

// direct returns how to connect past the pooler; nil if nobody has said how.
func direct(given *pgx.ConnConfig, pooled bool, url string) (*pgx.ConnConfig, error) {
	if url == "" {
		if pooled {
			return nil, nil //nolint:nilnil // there is no way past it
		}
		return given, nil
	}
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	dialled(c)
	return c, nil
}

func announcePooler(log *slog.Logger, listens bool) {
	if listens {
		log.Info("a connection pooler is between: nothing is expected of a session, and notifications come past it")
		return
	}
	log.Warn("a connection pooler is between: nothing is expected of a session. What other instances change is found by polling, within a second; " +
		"for notifications, give the address of the server itself as DATABASE_DIRECT_URL")
}
