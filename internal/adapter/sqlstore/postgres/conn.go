package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/store"
)

var errRolledBack = errors.New("postgres: the server rolled back instead of committing")

// conn is one transaction. It takes a connection from the pool with the first
// statement.
type conn struct {
	engine *engine
	held   *pgxpool.Conn   // nil until the first statement
	begin  string          // the statement that opens the transaction; empty once it was sent
	open   bool            // there is a transaction on the connection
	first  []sqlstore.Stmt // settings, which are sent after BEGIN, or ahead of each pipeline
}

// Query implements sqlstore.Conn.
func (c *conn) Query(ctx context.Context, pending []sqlstore.Stmt, q sqlstore.Stmt) (sqlstore.Rows, error) {
	if err := c.acquire(ctx); err != nil {
		return nil, err
	}
	if q.Large {
		pending = append(slices.Clip(pending), sqlstore.Stmt{SQL: moreMemory, Rows: sqlstore.Any})
	}
	if c.begin == "" && len(pending) == 0 && len(c.first) == 0 {
		found, err := c.held.Query(ctx, q.SQL, native(q.Args)...)
		if err != nil {
			return nil, err
		}
		return rows{Rows: found}, nil
	}
	sent := c.send(ctx, pending, q)
	if err := c.check(sent, pending); err != nil {
		return nil, err
	}
	found, err := sent.Query()
	if err != nil {
		return nil, closing(sent, err)
	}
	return rows{found, sent}, nil
}

// QueryAll implements sqlstore.Conn.
func (c *conn) QueryAll(ctx context.Context, pending, all []sqlstore.Stmt, read func(int, sqlstore.Rows) error) error {
	if err := c.acquire(ctx); err != nil {
		return err
	}
	sent := c.send(ctx, pending, all...)
	if err := c.check(sent, pending); err != nil {
		return err
	}
	for i := range all {
		found, err := sent.Query()
		if err == nil {
			err = read(i, rows{Rows: found})
		}
		if err != nil {
			return closing(sent, err)
		}
	}
	return sent.Close()
}

// moreMemory lets the statements of a transaction use memory for the sums of 500,000
// products, which take about 200 bytes each: PostgreSQL gives a hash table twice work_mem.
const moreMemory = `
	SELECT set_config('work_mem', '64MB', true) WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('64MB')`

// Commit implements sqlstore.Conn.
func (c *conn) Commit(ctx context.Context, pending []sqlstore.Stmt) error {
	if !c.open && len(pending) == 0 {
		return nil // nothing was read or written
	}
	if err := c.acquire(ctx); err != nil {
		return err
	}
	sent := c.send(ctx, pending, sqlstore.Stmt{SQL: "COMMIT"})
	if err := c.check(sent, pending); err != nil {
		return c.doubtful(err)
	}
	tag, err := sent.Exec()
	if err == nil && tag.String() != "COMMIT" {
		return closing(sent, errRolledBack) // the server answers ROLLBACK to a COMMIT after an error, without an error
	}
	if err = closing(sent, err); err != nil {
		return fmt.Errorf("commit: %w", c.doubtful(err))
	}
	c.open = false
	return nil
}

// doubtful adds store.ErrCommitUnknown to the error of a pipeline that ends with a COMMIT,
// unless the transaction is certainly not committed. The error of a statement keeps the
// server from executing what follows it, and leaves the connection open. If the connection
// breaks, the COMMIT was sent with the rest.
func (c *conn) doubtful(err error) error {
	if pgconn.SafeToRetry(err) || !c.held.Conn().IsClosed() {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrCommitUnknown, err)
}

func (c *conn) acquire(ctx context.Context) (err error) {
	if c.held != nil {
		return nil
	}
	// A server that is starting, or has too many connections, reports errors of its
	// own, which callers could not tell from a bug.
	if c.held, err = c.engine.pool.Acquire(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", sqlstore.ErrUnavailable, err)
	}
	return err
}

// results are the results of a pipeline. The first ones are those of BEGIN and of
// settings.
type results struct {
	pgx.BatchResults
	opening int
}

// send sends one pipeline: BEGIN if it is not sent yet, the settings, the writes, and the
// last statements.
func (c *conn) send(ctx context.Context, pending []sqlstore.Stmt, last ...sqlstore.Stmt) results {
	var b pgx.Batch
	if c.begin != "" {
		b.Queue(c.begin)
		c.begin, c.open = "", true
	}
	for _, st := range c.first {
		b.Queue(st.SQL, st.Args...)
	}
	if c.open {
		c.first = nil
	}
	opening := b.Len()
	for _, st := range pending {
		b.Queue(requireRows(st), native(st.Args)...)
	}
	for _, q := range last {
		b.Queue(q.SQL, native(q.Args)...)
	}
	return results{c.held.SendBatch(ctx, &b), opening}
}

// check reads the results of BEGIN, of the settings and of the writes. It closes the pipeline after an
// error.
func (c *conn) check(sent results, pending []sqlstore.Stmt) error {
	for range sent.opening {
		if _, err := sent.Exec(); err != nil {
			return closing(sent, err)
		}
	}
	for _, st := range pending {
		if _, err := sent.Exec(); err != nil {
			return closing(sent, explain(st, err))
		}
	}
	return nil
}

// requireRows returns the text of a write that fails on the server if it does not
// change the number of rows that it must. The program could count them only after
// the COMMIT, which may be in the same pipeline.
func requireRows(st sqlstore.Stmt) string {
	if st.Rows == sqlstore.Any {
		return st.SQL
	}
	return fmt.Sprintf("WITH touched AS (%s RETURNING 1) SELECT 1 / CASE WHEN COUNT(*) = %d THEN 1 ELSE 0 END FROM touched",
		st.SQL, st.Rows)
}

// explain returns what the error of a write means.
func explain(st sqlstore.Stmt, err error) error {
	var e *pgconn.PgError
	if st.Rows != sqlstore.Any && errors.As(err, &e) && e.Code == divisionByZero {
		return st.Mismatch
	}
	return st.Explain(violated(err), err)
}

const divisionByZero = "22012"

// closing closes a pipeline and returns the first error.
func closing(sent results, err error) error {
	if closed := sent.Close(); err == nil {
		return closed
	}
	return err
}

// End implements sqlstore.Conn. If the ROLLBACK fails, the pool closes the
// connection.
func (c *conn) End(err error) {
	if elsewhere(err) && c.engine.reset.now() {
		c.engine.pool.Reset() // the other connections lead to the same server
	}
	if c.held == nil {
		return
	}
	if elsewhere(err) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = c.held.Conn().Close(ctx)
	}
	if wire := c.held.Conn().PgConn(); !wire.IsClosed() && wire.TxStatus() != idle {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, _ = c.held.Exec(ctx, "ROLLBACK")
	}
	c.held.Release()
}

const (
	idle     = 'I'             // TxStatus outside of a transaction
	patience = 5 * time.Second // for a ROLLBACK
)

// rows implements sqlstore.Rows.
type rows struct {
	pgx.Rows
	sent pgx.BatchResults // the pipeline that the rows came in; nil if none
}

// Close implements sqlstore.Rows.
func (r rows) Close() error {
	r.Rows.Close()
	err := r.Err()
	if r.sent != nil {
		if closed := r.sent.Close(); err == nil {
			err = closed
		}
	}
	return err
}
