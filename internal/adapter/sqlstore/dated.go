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
	// Tables have the primary key event_id, or one that begins with it. The last one has
	// one row for each event. Whoever locks or writes several of them does so in this
	// order, so that two cannot wait for each other.
	Tables []string
	// Added is the column of the last table with the time at which a row was added.
	Added string
	// Lasting says that a row is kept as long after it was added as after its day.
	Lasting bool
}

// Events returns the table that has one row for each event.
func (d Dated) Events() string { return d.Tables[len(d.Tables)-1] }

func datedLog() Dated {
	return Dated{Tables: []string{"event_log_lines", "event_log"}, Added: "logged_us"}
}

func datedMarks() Dated {
	return Dated{Tables: []string{"event_handled"}, Added: "at_us", Lasting: true}
}

// Days is how an engine keeps the days of such tables apart.
type Days interface {
	// Prepare makes the parts of days that have none. It returns the days that get none
	// any more: their rows are elsewhere, and too many to be moved.
	Prepare(ctx context.Context, send Send, of Dated, days []clock.Day) (left []clock.Day, err error)
	// Drop drops the part of the oldest day that may go: it ended before the time given,
	// and if rows are lasting, all of them were added before. It returns about how many
	// events the part had, and whether there was one.
	Drop(ctx context.Context, send Send, of Dated, before time.Time) (events int64, dropped bool, err error)
	// Rest returns what is added to the name of a table to name those that have the rows
	// without a part.
	Rest() []string
}

// Send sends a statement of a transaction, and calls fn with each row that it returns.
type Send func(ctx context.Context, q Stmt, fn func(Row) error) error

// Row is what a scan reads from.
type Row = row

// purgeDays drops the part of a day, or deletes up to limit rows that have none.
func (s *session) purgeDays(ctx context.Context, of Dated, before time.Time, limit int) (deleted int64, more bool, err error) {
	if deleted, more, err = s.days.Drop(ctx, s.change, of, before); err != nil || more {
		return deleted, more, err
	}
	for _, rest := range s.days.Rest() {
		for _, old := range oldRows(of, of.Events()+rest, before, limit) {
			found, err := all(ctx, s.change, old, scalar[id.ID])
			if err != nil {
				return 0, false, err
			}
			for _, table := range of.Tables {
				s.exec(`DELETE FROM `+table+rest+` WHERE `+s.dialect.In("event_id", UUID, 1), found)
			}
			if deleted += int64(len(found)); len(found) == limit {
				return deleted, true, nil
			}
		}
	}
	return deleted, false, nil
}

// oldRows returns the statements that find rows without a part that may go. The first one
// finds those whose ids have a time before the one given. The second one finds those that
// were added before it although their ids have no time, or a later one: that of a wrong
// clock. It reads little once the first one finds nothing.
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
		stmt(fmt.Sprintf(`SELECT event_id FROM %s WHERE %s < $1 AND NOT (%s AND event_id < $2) ORDER BY %[2]s LIMIT $3`,
			table, of.Added, isDated), micros(before), id.Floor(before), limit),
	}
}
