package sqlstore

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrUnavailable is returned if the database cannot do its work now, whatever it is
// asked: there is no connection, or it breaks, or nothing can be written.
var ErrUnavailable = fault.New(fault.Unavailable, "DEPENDENCY_AWAY", "the database cannot be reached; try again later")

// Engine is a kind of database.
type Engine interface {
	// Begin opens a transaction, or what the mode says. The engine may do so with
	// the first statement only.
	Begin(ctx context.Context, mode Mode, l Limits) (Conn, error)
	// Retry reports whether a transaction that failed with err may succeed if it
	// is run again.
	Retry(err error) bool
	// Violated returns the constraint that a statement violated; the zero
	// Violation if err has another cause.
	Violated(err error) Violation
	// Busy reports whether somebody else held for too long what a statement needed. The
	// transaction has had no effect.
	Busy(err error) bool
	// Away reports whether err says nothing about a statement or its values: the
	// database cannot be reached, shuts down, or has no room, memory or time left.
	Away(err error) bool
	Close() error
}

// Mode is the purpose of a connection.
type Mode uint8

// The modes.
const (
	Write    Mode = iota // a transaction that may write
	Read                 // no transaction: each statement by itself
	Snapshot             // a transaction whose reads all see the same commits
)

// Conn is the connection of one transaction.
type Conn interface {
	// Query sends the pending writes and then q, in one round trip if possible.
	Query(ctx context.Context, pending []Stmt, q Stmt) (Rows, error)
	// QueryAll sends the pending writes and then all of the statements, in one round trip
	// if possible. It calls read with the rows of each. read closes them.
	QueryAll(ctx context.Context, pending, all []Stmt, read func(i int, rows Rows) error) error
	// Commit sends the pending writes and commits, in one round trip if possible. Its
	// error is store.ErrCommitUnknown if the transaction may be committed all the same.
	Commit(ctx context.Context, pending []Stmt) error
	// End rolls back what was not committed, and gives the connection back. It
	// works even if the context of the transaction has ended. err is that of the
	// transaction: after one that says that the server is no longer the right one, the
	// connection is closed.
	End(err error)
}

// Rows are the rows that a statement returns. Close is called once. It returns the
// error that ended them early, if there is one.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Close() error
}

// Dialect is the part of statements in which the engines differ. It has at most six
// members.
type Dialect struct {
	// ForUpdate is the suffix of a SELECT that locks; empty where a writer owns
	// the whole database.
	ForUpdate string
	// ForShare is the suffix of a SELECT that keeps rows from being changed; empty
	// where a writer owns the whole database.
	ForShare string
	// Now is an expression for the present time, in microseconds, by the clock of
	// the database. The process may be the database: its clock is given, and what
	// the expression needs of it is bound at the parameter given.
	Now func(param int, process clock.Clock) (text string, args []any)
	// TryLock is an expression that takes a lock on a number, which is an expression, until
	// the transaction ends, and is 1, or is 0 if someone else holds it.
	TryLock func(number string) string
	// In returns the condition that a column of the type has one of the values of
	// a parameter, which is a slice.
	In func(column string, kind Type, param int) string
	// Set returns a table expression with rows from arguments, which have the
	// parameters from param on.
	Set func(param int, columns []Column, use ...Use) (table string, args []any, err error)
}

// Use says what a set of rows is for.
type Use uint8

// Joined is for a set that is joined to a table. Its statement has one plan for any number
// of rows. A planner that sees few rows would plan every execution.
const Joined Use = 1

// Column is a column of such rows.
type Column struct {
	Name   string
	Type   Type
	Values any // a slice, one value for each row
}

// Type is the type of a column.
type Type string

// The types, as PostgreSQL calls them.
const (
	BigInt  Type = "bigint"
	Integer Type = "integer"
	UUID    Type = "uuid"
	Text    Type = "text"
	Bytes   Type = "bytea"
)

var (
	errReadOnly = errors.New("sqlstore: a write, or a lock, outside of Update")
	// errRetry is returned by writes that lost a race. Run again, the transaction
	// reads what the winner has written.
	errRetry = errors.New("sqlstore: another transaction wrote this at the same time")
)
