package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// session is one open transaction. All tables of a store.Tx share one.
type session struct {
	conn    Conn
	engine  Engine
	dialect Dialect
	mode    Mode
	now     clock.Clock
	ids     id.Source
	trace   string // traceparent of the events that it promises

	pending []Stmt
	// broken is the first error of a statement. PostgreSQL refuses everything
	// after one; SQLite would go on, so it is remembered here for both.
	broken   error
	promised bool // there are events in the outbox
}

// row is what a scan reads from.
type row interface{ Scan(dest ...any) error }

// queue has a write wait for the next read or the commit.
func (s *session) queue(st Stmt) {
	if s.mode != Write {
		_ = s.fail(errReadOnly)
		return
	}
	s.pending = append(s.pending, st)
}

// exec queues a write for which it does not matter how many rows it touches.
func (s *session) exec(text string, args ...any) { s.queue(stmt(text, args...)) }

// fail notes that the transaction cannot be committed any more.
func (s *session) fail(err error) error {
	if s.broken == nil {
		s.broken = err
	}
	return s.broken
}

// each calls fn with each row that a read answers. An error of fn ends it.
func (s *session) each(ctx context.Context, q Stmt, fn func(row) error) error {
	if s.broken != nil {
		return s.broken
	}
	pending := s.pending
	s.pending = nil
	rows, err := s.conn.Query(ctx, pending, q)
	if err != nil {
		return s.fail(q.Explain(s.engine.Violated(err), err))
	}
	stopped, err := drain(rows, fn)
	if err != nil {
		return s.fail(q.Explain(s.engine.Violated(err), err))
	}
	return stopped
}

// drain calls fn with each row until it returns an error. The rows are closed
// even when fn panics: a connection with open rows cannot be given back.
func drain(rows Rows, fn func(row) error) (stopped, err error) {
	defer func() { err = rows.Close() }()
	for stopped == nil && rows.Next() {
		stopped = fn(rows)
	}
	return stopped, nil
}

// change is each for statements that write or lock, and so need Update.
func (s *session) change(ctx context.Context, q Stmt, fn func(row) error) error {
	if s.mode != Write {
		return s.fail(errReadOnly)
	}
	return s.each(ctx, q, fn)
}

// commit sends what waits, and commits.
func (s *session) commit(ctx context.Context) error {
	if s.broken != nil {
		return s.broken
	}
	return s.conn.Commit(ctx, s.pending)
}

// reader is session.each or session.change.
type reader func(ctx context.Context, q Stmt, fn func(row) error) error

// all returns what scan makes of each row.
func all[T any](ctx context.Context, read reader, q Stmt, scan func(row) (T, error)) ([]T, error) {
	var found []T
	err := read(ctx, q, func(r row) error {
		v, err := scan(r)
		found = append(found, v)
		return err
	})
	return found, err
}

// first returns what scan makes of the first row, or missing if there is none.
func first[T any](ctx context.Context, read reader, q Stmt, scan func(row) (T, error), missing error) (T, error) {
	found, err := all(ctx, read, q, scan)
	if err != nil || len(found) == 0 {
		var none T
		if err == nil {
			err = missing
		}
		return none, err
	}
	return found[0], nil
}

// count returns how many rows a statement answers.
func count(ctx context.Context, read reader, q Stmt) (n int64, err error) {
	err = read(ctx, q, func(row) error { n++; return nil })
	return n, err
}

// stmt makes a statement.
func stmt(text string, args ...any) Stmt { return Stmt{SQL: text, Args: args, Rows: Any} }

// scalar reads one value.
func scalar[T any](r row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}
