package postgres

import (
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// violated returns the constraint that a statement violated.
func violated(err error) sqlstore.Violation {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return sqlstore.Violation{}
	}
	rules := map[string]sqlstore.Rule{
		"23505": sqlstore.Unique, "23503": sqlstore.ForeignKey, "23514": sqlstore.Check, "42P01": sqlstore.Table,
	}
	return sqlstore.Violation{Rule: rules[e.Code], Constraint: partitioned(e.TableName, e.ConstraintName)}
}

// Violated implements sqlstore.Engine.
func (*engine) Violated(err error) sqlstore.Violation { return violated(err) }

// Retry implements sqlstore.Engine: a deadlock, a serialization failure, or a row that was on
// its way into the default partition while its day got a partition of its own.
func (*engine) Retry(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40P01" || e.Code == "40001" || e.Code == "23514" && outgrown(e))
}

// outgrown reports whether a check failed that is no constraint but the bounds of a partition.
func outgrown(e *pgconn.PgError) bool { return e.ConstraintName == "" }

// Busy implements sqlstore.Engine: a lock was not free in time.
func (*engine) Busy(err error) bool { return codeOf(err) == "55P03" }

// Away implements sqlstore.Engine.
func (*engine) Away(err error) bool {
	code := codeOf(err)
	if code == "" {
		return broken(err)
	}
	switch code[:2] {
	case "08", // the connection
		"53", // no room, memory or connection is left
		"57", // the server shuts down, or it ended the statement
		"58": // the disk
		return true
	}
	return elsewhere(err) || ended(code)
}

// elsewhere reports whether the server is not, or not any more, one that may be written to.
// After a failover an old connection leads to such a server for as long as it lives.
func elsewhere(err error) bool {
	switch codeOf(err) {
	case "25006", // the server, or this session of it, may only be read
		"57P01", "57P02", "57P03": // it shuts down, has crashed, or starts
		return true
	}
	return false
}

// ended reports whether the server has ended a transaction whatever its statements were.
func ended(code string) bool {
	return code == "25P02" || // an error of before, which ended it
		code == "25P03" || code == "25P04" // it was idle, or open, for too long
}

// codeOf returns the SQLSTATE of an error of the server; empty if it is another error.
func codeOf(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) || len(e.Code) != len("00000") {
		return ""
	}
	return e.Code
}

// broken reports whether the connection broke during a statement.
func broken(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err) // it was closed before the statement was sent
}
