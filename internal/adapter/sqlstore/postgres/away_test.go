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
	for err, away := range map[error]bool{
		code("57P01"): true, // the server shuts down
		code("57014"): true, // the statement took too long
		code("53300"): true, // too many connections
		code("53100"): true, // the disk is full
		code("08006"): true, // the connection failed
		code("58030"): true, // input or output failed
		code("55P03"): true, // a lock was not free in time
		code("25006"): true, // a standby
		fmt.Errorf("commit: %w", io.ErrUnexpectedEOF):       true,
		fmt.Errorf("commit: %w", &net.OpError{Err: io.EOF}): true,
		code("23505"):       false, // a unique key
		code("23514"):       false, // a check
		code("22003"):       false, // a number is too large
		code("42703"):       false, // no such column
		errors.New("a bug"): false,
	} {
		if got := (&engine{}).Away(err); got != away {
			t.Errorf("%v: away is %v", err, got)
		}
	}
}
