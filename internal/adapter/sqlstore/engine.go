package sqlstore

import (
	"context"
	"errors"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrAway is raised where no connection to the database can be had, or kept.
var ErrAway = fault.New(fault.Unavailable, "DEPENDENCY_AWAY", "a part of the shop cannot be reached just now")

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
	// Gone reports whether err is the server's word that it has to leave, in the
	// middle of a transaction.
	Gone(err error) bool
	Close() error
}

// Mode is what a connection is opened for.
type Mode uint8

// The modes.
const (
	Write Mode = iota // a transaction that writes
	Read              // no transaction: each statement for itself
	Still             // a transaction in which all reads see the same moment
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

// Stmt is a statement with its arguments. Parameters are $1, $2, ... in the
// order of their first use: SQLite numbers them so.
type Stmt struct {
	SQL  string
	Args []any
	// Rows is how many rows a write must touch; Any says that it does not matter.
	Rows int64
	// Missed is the error when it touched another number of rows.
	Missed error
	// Faults are the errors that stand for broken rules of the schema, by the
	// name of the constraint.
	Faults Faults
}

// Any number of rows will do.
const Any int64 = -1

// Faults are errors by name of the constraint that was violated.
type Faults map[string]error

// Check returns the error of a write that touched n rows.
func (st Stmt) Check(n int64) error {
	if st.Rows == Any || st.Rows == n {
		return nil
	}
	return st.Missed
}

// Explain returns what an error of the statement means: the fault that stands
// for the violated rule, or err itself.
func (st Stmt) Explain(v Violation, err error) error {
	if fault, known := st.Faults[v.Constraint]; known {
		return fault
	}
	if v.Rule == ForeignKey && v.Constraint == "" {
		for name, fault := range st.Faults {
			if strings.HasSuffix(name, "_fkey") {
				return fault
			}
		}
	}
	return err
}

// Violation is a rule of the schema that a statement ran into.
type Violation struct {
	Rule Rule
	// Constraint is the rule's name as PostgreSQL would give it. SQLite does
	// not tell which foreign key was violated: it is empty then, and a
	// statement can have a fault for one foreign key only.
	Constraint string
}

// Rule is a kind of rule of the schema.
type Rule uint8

// The kinds of rules.
const (
	NoRule Rule = iota
	Unique
	ForeignKey
	Check
	Table // that there is no such table
)

// Dialect is what a second engine has forced to differ in the statements, and
// nothing more.
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
	// TryLock is an expression that takes a lock on the number given until the
	// transaction ends, and is 1, or is 0 if someone else holds it.
	TryLock func(param int) string
	// In is the predicate that a column of the type is one of the values of a
	// parameter, which is bound as List returns it.
	In   func(column string, kind Type, param int) string
	List func(values any) any
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
	errAgain = errors.New("sqlstore: another transaction wrote this at the same time")
)
