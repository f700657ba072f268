package sqlstore

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrAway is raised where no connection to the database can be had, or kept.
var ErrUnavailable = fault.New(fault.Unavailable, "DEPENDENCY_AWAY", "a part of the shop cannot be reached just now")

// Engine is a database that the tables can live in.
type Engine interface {
	// Begin opens a transaction, or what the mode says. It may put off the work
	// until the first statement.
	Begin(ctx context.Context, mode Mode) (Conn, error)
	// Retry reports whether a transaction that ended with err may succeed when
	// it is run again as it is.
	Retry(err error) bool
	// Violated says which rule of the schema a statement ran into; the zero
	// Violation if err is about something else.
	Violated(err error) Violation
	// Disconnected reports whether err is the server's word that it has to leave, in the
	// middle of a transaction.
	Disconnected(err error) bool
	Close() error
}

// Mode is what a connection is opened for.
type Mode uint8

// The modes.
const (
	Write    Mode = iota // a transaction that writes
	Read                 // no transaction: each statement for itself
	Snapshot             // a transaction in which all reads see the same moment
)

// Conn is a connection that one transaction has for itself.
type Conn interface {
	// Query sends the pending writes and then q, if it can in one round trip.
	Query(ctx context.Context, pending []Stmt, q Stmt) (Rows, error)
	// Commit sends the pending writes and commits, if it can in one round trip.
	Commit(ctx context.Context, pending []Stmt) error
	// End undoes what was not committed and gives the connection back. It works
	// even when the transaction's context has ended.
	End()
}

// Rows is what a statement answers. Close is called once, and returns the
// error that ended the rows early, if one did.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Close() error
}

// Dialect is what a second engine has forced to differ in the statements, and
// nothing more.
type Dialect struct {
	// ForUpdate is the suffix of a SELECT that locks; empty where a writer owns
	// the whole database.
	ForUpdate string
	// TryLock is an expression that takes a lock on the number given until the
	// transaction ends, and is 1, or is 0 if someone else holds it.
	TryLock func(param int) string
	// In returns the condition that a column of the type has one of the values of
	// a parameter, which is a slice.
	In func(column string, kind Type, param int) string
	// Set is a table expression of rows that are given from outside, with the
	// columns named, beginning at the parameter named.
	Set func(param int, columns []Column) (table string, args []any, err error)
}

// Column is a column of a set of rows.
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
)

var (
	errReadOnly = errors.New("sqlstore: a write, or a lock, outside of Update")
	// errAgain is raised by writes that lost a race which a second run, reading
	// what the winner wrote, does not lose.
	errRetry = errors.New("sqlstore: another transaction wrote this at the same time")
)
