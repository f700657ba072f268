package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Dated names tables whose rows belong to the days of the times in the ids of events.
type Dated struct {
	// Tables have the primary key event_id, or one that begins with it. The first has one
	// row for each event.
	Tables []string
	// Added is the column of the first table with the time at which a row was added.
	Added string
	// Lasting says that a row is kept as long after it was added as after its day.
	Lasting bool
}

func datedLog() Dated {
	return Dated{Tables: []string{"event_log", "event_log_lines"}, Added: "logged_us"}
}

func datedMarks() Dated {
	return Dated{Tables: []string{"event_handled"}, Added: "at_us", Lasting: true}
}

// Days is how an engine keeps the days of such tables apart.
type Days interface {
	// Prepare makes the parts of days that have none.
	Prepare(ctx context.Context, send Send, of Dated, days []clock.Day) error
	// Drop drops the part of the oldest day that may go: it ended before the time given,
	// and if rows are lasting, all of them were added before. It returns about how many
	// events the part had, and whether there was one.
	Drop(ctx context.Context, send Send, of Dated, before time.Time) (events int64, dropped bool, err error)
	// Rest returns the table that has the rows without a part.
	Rest(table string) string
}

// Send sends a statement of a transaction, and calls fn with each row that it returns.
type Send func(ctx context.Context, q Stmt, fn func(Row) error) error

// Row is what a scan reads from.
type Row = row

// forget drops the part of a day, or deletes up to limit rows that have none: those whose
// ids have a time by that time, and others by when they were added.
func (s *session) forget(ctx context.Context, of Dated, before time.Time, limit int) (deleted int64, more bool, err error) {
	if deleted, more, err = s.days.Drop(ctx, s.change, of, before); err != nil || more {
		return deleted, more, err
	}
	for _, old := range oldRows(of, s.days.Rest(of.Tables[0]), before, limit) {
		found, err := all(ctx, s.change, old, scalar[id.ID])
		if err != nil {
			return 0, false, err
		}
		for _, table := range of.Tables {
			s.exec(`DELETE FROM `+s.days.Rest(table)+` WHERE `+s.dialect.In("event_id", UUID, 1), found)
		}
		deleted, more = deleted+int64(len(found)), more || len(found) == limit
	}
	return deleted, more, nil
}

// oldRows returns the statements that find such rows in a table.
func oldRows(of Dated, table string, before time.Time, limit int) []Stmt {
	const isDated = `substr(CAST(event_id AS TEXT), 15, 1) = '7'`
	dated := []any{id.Floor(before)}
	lasting := ""
	if of.Lasting {
		dated, lasting = append(dated, micros(before)), ` AND `+of.Added+` < $2`
	}
	return []Stmt{
		stmt(fmt.Sprintf(`SELECT event_id FROM %s WHERE event_id < $1%s AND %s ORDER BY event_id LIMIT $%d`,
			table, lasting, isDated, len(dated)+1), append(dated, limit)...),
		stmt(fmt.Sprintf(`SELECT event_id FROM %s WHERE %s < $1 AND NOT %s ORDER BY %[2]s LIMIT $2`,
			table, of.Added, isDated), micros(before), limit),
	}
}
