package postgres

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// settings are what is changed of the settings of the server, unless its administrator has
// changed their defaults, or those of the role or the database.
//
// lock_timeout, statement_timeout: the server itself ends a statement that waits for too
// long. A program whose request has ended asks it to, and may not be heard.
//
// idle_in_transaction_session_timeout: the server ends a transaction whose program
// has sent nothing for the time given. Otherwise a machine without power or network would
// keep its locks for hours.
//
// random_page_cost: plans are made for pages in memory or on an SSD. Otherwise, while
// the brands fit on a few pages, all of them are read for each product of a list,
// instead of one by the index.
type settings struct {
	idle time.Duration // in a transaction
	sqlstore.Limits
}

// change returns the statement that changes the settings, until the connection or the
// transaction ends.
func (s settings) change(untilEnd bool) sqlstore.Stmt {
	usual := sqlstore.Usual()
	return sqlstore.Stmt{SQL: `
		SELECT set_config(name, value, ` + strconv.FormatBool(untilEnd) + `)
		FROM (VALUES
			('lock_timeout', '0', '` + inSettings(usual.Lock) + `', $1::text),
			('statement_timeout', '0', '` + inSettings(usual.Statement) + `', $2::text),
			('idle_in_transaction_session_timeout', '0', '0', $3::text),
			('random_page_cost', '4', '4', '1.1')) v (name, given, ours, value)
		WHERE current_setting(name) IN (given, ours)`,
		Args: []any{milliseconds(s.Lock), milliseconds(s.Statement), milliseconds(s.idle)}, Rows: sqlstore.Any}
}

// configure changes the settings of a connection.
func (s settings) configure(ctx context.Context, c *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, patience) // of a new connection nobody else takes care
	defer cancel()
	st := s.change(false)
	_, err := c.Exec(ctx, st.SQL, st.Args...)
	return err
}

// forTransaction returns what a transaction or, outside of one, a pipeline changes first,
// beside what the connection has. A connection that a pooler may exchange has nothing.
func (s settings) forTransaction(l sqlstore.Limits, pooled bool) []sqlstore.Stmt {
	if !pooled && l == s.Limits {
		return nil
	}
	s.Limits = l
	return []sqlstore.Stmt{s.change(true)}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// inSettings returns a duration of whole seconds, less than a minute, as the server shows it.
func inSettings(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) + "s" }

// usual returns the settings of a store.
func usual(o sqlstore.Options) settings {
	return settings{cmp.Or(o.IdleInTransaction, time.Minute), sqlstore.Usual()}
}
