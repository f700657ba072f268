package postgres

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// A consumer waits while the database is away, and sets a record aside if the database
// refuses it: the two must not be mixed up.
func TestErrorsThatAreNotAboutAStatementSayThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	code := func(c string) error { return fmt.Errorf("insert: %w", &pgconn.PgError{Code: c}) }
	e := &engine{}
	for err, away := range map[error]bool{
		code("57P01"): true,  // the server shuts down
		code("57014"): true,  // the statement took too long
		code("53300"): true,  // too many connections
		code("53100"): true,  // the disk is full
		code("08006"): true,  // the connection failed
		code("58030"): true,  // input or output failed
		code("08P01"): true,  // a pooler has no room
		code("25006"): true,  // a standby, or default_transaction_read_only
		code("25P02"): true,  // an error of before
		code("25P03"): true,  // idle in a transaction
		code("25P04"): true,  // a transaction that took too long
		code("57P02"): true,  // a crash
		code("57P03"): true,  // the server starts
		code("57P05"): true,  // idle
		code("55P03"): false, // a lock was not free in time: busy
		code("55006"): false, // the object is in use
		code("25001"): false, // a transaction is open: a bug
		code("42501"): false, // no right
		fmt.Errorf("commit: %w", io.ErrUnexpectedEOF):       true,
		fmt.Errorf("commit: %w", &net.OpError{Err: io.EOF}): true,
		code("23505"):       false, // a unique key
		code("23514"):       false, // a check
		code("22003"):       false, // a number is too large
		code("42703"):       false, // no such column
		errors.New("a bug"): false,
	} {
		if got := e.Away(err); got != away {
			t.Errorf("%v: away is %v", err, got)
		}
	}
}

func TestALockThatIsNotFreeInTimeIsBusyAndNothingElse(t *testing.T) {
	t.Parallel()
	for code, busy := range map[string]bool{"55P03": true, "57014": false, "40P01": false, "25006": false, "23505": false} {
		if got := (&engine{}).Busy(fmt.Errorf("update: %w", &pgconn.PgError{Code: code})); got != busy {
			t.Errorf("%s: busy is %v", code, got)
		}
	}
}

func TestARaceOfTransactionsIsRunAgain(t *testing.T) {
	t.Parallel()
	for e, again := range map[*pgconn.PgError]bool{
		{Code: "40P01"}: true, // a deadlock
		{Code: "40001"}: true, // a serialization failure
		{Code: "23514", TableName: "event_log_default"}:                                                 true, // the bounds of a partition
		{Code: "23514", TableName: "event_log_default", ConstraintName: "event_log_default_type_check"}: false,
		{Code: "23505", TableName: "event_log_default"}:                                                 false,
		{Code: "55P03"}: false, // busy
		{Code: "57014"}: false, // too slow
	} {
		if got := (&engine{}).Retry(fmt.Errorf("insert: %w", e)); got != again {
			t.Errorf("%v: it is run again: %t", e, got)
		}
	}
}

// A connection that leads to the wrong server is given up, and those beside it.
func TestErrorsThatSayThatTheServerIsTheWrongOne(t *testing.T) {
	t.Parallel()
	for code, wrong := range map[string]bool{
		"25006": true, "57P01": true, "57P02": true, "57P03": true,
		"57014": false, "53300": false, "53100": false, "58030": false, "55P03": false, "40001": false, "23505": false,
	} {
		if got := elsewhere(fmt.Errorf("commit: %w", &pgconn.PgError{Code: code})); got != wrong {
			t.Errorf("%s: elsewhere is %v", code, got)
		}
	}
}
