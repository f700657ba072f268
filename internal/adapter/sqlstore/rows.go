package sqlstore

import (
	"context"
	"fmt"
	"reflect"
	"strings"
)

// insertAll queues one statement that inserts a row for each value of the columns, in
// their order.
func (s *session) insertAll(table string, faults Faults, columns ...Column) {
	s.insertIf("true", table, faults, columns...)
}

// insertIf is insertAll if a condition holds, which is evaluated before the first row is made.
func (s *session) insertIf(condition, table string, faults Faults, columns ...Column) {
	if reflect.ValueOf(columns[0].Values).Len() == 0 {
		return
	}
	set, args, err := s.dialect.Set(1, columns)
	if err != nil {
		_ = s.fail(fmt.Errorf("rows of %s: %w", table, err))
		return
	}
	names := strings.Join(collect(columns, func(c Column) string { return c.Name }), ", ")
	s.queue(Stmt{
		SQL:  `INSERT INTO ` + table + ` (` + names + `) SELECT ` + names + ` FROM ` + set + ` v WHERE ` + condition,
		Args: args, Rows: Any, Faults: faults,
	})
}

// updateAll queues one statement that sets the columns of the rows that the first column
// names. Each must be there, otherwise the transaction ends in missing.
func (s *session) updateAll(table string, missing error, columns ...Column) {
	n := reflect.ValueOf(columns[0].Values).Len()
	if n == 0 {
		return
	}
	set, args, err := s.dialect.Set(1, columns, Joined)
	if err != nil {
		_ = s.fail(fmt.Errorf("rows of %s: %w", table, err))
		return
	}
	key := columns[0].Name
	changes := collect(columns[1:], func(c Column) string { return c.Name + " = v." + c.Name })
	s.queue(Stmt{
		SQL:  `UPDATE ` + table + ` AS t SET ` + strings.Join(changes, ", ") + ` FROM ` + set + ` v WHERE t.` + key + ` = v.` + key,
		Args: args, Rows: int64(n), Mismatch: missing,
	})
}

// lookup is a read that is sent together with others.
type lookup struct {
	Stmt

	row func(row) error // is called with each row; nil: none is of interest
}

// changeAll sends lookups that lock rows, in one round trip.
func (s *session) changeAll(ctx context.Context, lookups []lookup) error {
	if s.mode != Write {
		return s.fail(errReadOnly)
	}
	if s.failed != nil {
		return s.failed
	}
	pending := s.pending
	s.pending = nil
	s.statements += len(lookups)
	statements := collect(lookups, func(l lookup) Stmt { return l.Stmt })
	err := s.conn.QueryAll(ctx, pending, statements, func(i int, rows Rows) error {
		fn := lookups[i].row
		if fn == nil {
			fn = func(row) error { return nil }
		}
		stopped, err := drain(rows, fn)
		if err == nil {
			err = stopped
		}
		return err
	})
	if err != nil {
		return s.fail(err)
	}
	return nil
}
