package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

// session is one open transaction. The tables of a store.Tx share it.
type session struct {
	conn    Conn
	engine  Engine
	dialect Dialect
	days    Days
	search  Search
	horizon Horizon
	// firstTurn is how far a list with filters is read at first.
	firstTurn turn
	mode      Mode
	now       clock.Clock
	ids       id.Source
	trace     tracing.Place // that its events continue

	pending    []Stmt
	statements int // sent or queued
	// failed is the first error of a statement. After an error, PostgreSQL refuses
	// further statements and SQLite does not; with this field both do.
	failed   error
	appended bool // events were appended to the outbox
	changed  changed
}

// queue keeps a write until the next read or the commit.
func (s *session) queue(st Stmt) {
	if s.mode != Write {
		_ = s.fail(errReadOnly)
		return
	}
	s.pending = append(s.pending, st)
	s.statements++
}

// exec queues a write that may change any number of rows.
func (s *session) exec(text string, args ...any) { s.queue(stmt(text, args...)) }

// fail notes an error after which the transaction cannot be committed, and returns
// the first such error.
func (s *session) fail(err error) error {
	if s.failed == nil {
		s.failed = err
	}
	return s.failed
}

// each calls fn with each row that a read returns. An error of fn ends it.
func (s *session) each(ctx context.Context, q Stmt, fn func(row) error) error {
	if s.failed != nil {
		return s.failed
	}
	pending := s.pending
	s.pending = nil
	s.statements++
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

// drain calls fn with each row until fn returns an error. The rows are closed even
// if fn panics: a connection with open rows cannot be given back.
func drain(rows Rows, fn func(row) error) (stopped, err error) {
	defer func() { err = rows.Close() }()
	for stopped == nil && rows.Next() {
		stopped = fn(rows)
	}
	return stopped, nil
}

// change is each for statements that write or lock, which only Update may do.
func (s *session) change(ctx context.Context, q Stmt, fn func(row) error) error {
	if s.mode != Write {
		return s.fail(errReadOnly)
	}
	return s.each(ctx, q, fn)
}

// commit sends the queued writes and commits.
func (s *session) commit(ctx context.Context) error {
	if s.failed != nil {
		return s.failed
	}
	s.changed.committing = true
	return s.conn.Commit(ctx, s.pending)
}
