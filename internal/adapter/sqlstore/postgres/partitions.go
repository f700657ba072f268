package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// partitions keeps each day of the event log in a partition of its own. The partition
// event_log_default has the events of days that have none, and those of no day.
type partitions struct{}

const (
	eventsOf, linesOf = "event_log_", "event_log_lines_" // and the day
	// mostMoved bounds the events that are moved from the default partition into the new
	// one of their day. With more of them the day stays where it is: nobody waits long.
	mostMoved = 10_000
	// A lock of the log that is not free soon, for example because of a backup, is not
	// waited for: meanwhile, other transactions would wait behind this one.
	briefly = `SET LOCAL lock_timeout = '2s'`
)

func ignore(sqlstore.Row) error { return nil }

// Prepare implements sqlstore.Days.
func (p partitions) Prepare(ctx context.Context, send sqlstore.Send, days []clock.Day) error {
	missing, err := p.missing(ctx, send, days)
	if err != nil || len(missing) == 0 {
		return err
	}
	// The lock keeps others from making partitions, and from adding events of these days.
	for _, text := range []string{briefly, `LOCK TABLE event_log_default, event_log_lines_default IN ACCESS EXCLUSIVE MODE`} {
		if err := send(ctx, statement(text), ignore); err != nil {
			return err
		}
	}
	if missing, err = p.missing(ctx, send, missing); err != nil {
		return err
	}
	for _, day := range missing {
		if err := p.create(ctx, send, day); err != nil {
			return fmt.Errorf("make the partition of %s: %w", day, err)
		}
	}
	return nil
}

// missing returns the days that have no partition.
func (p partitions) missing(ctx context.Context, send sqlstore.Send, days []clock.Day) ([]clock.Day, error) {
	found, err := p.all(ctx, send)
	return slices.DeleteFunc(slices.Clone(days), func(d clock.Day) bool {
		return slices.ContainsFunc(found, func(p part) bool { return p.day == d })
	}), err
}

// part is the partition of a day.
type part struct {
	day    clock.Day
	events int64 // an estimate of the planner
}

// all returns the partitions of days, oldest first.
func (partitions) all(ctx context.Context, send sqlstore.Send) (found []part, err error) {
	err = send(ctx, statement(`
		SELECT c.relname::text, GREATEST(c.reltuples, 0)::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'event_log'::regclass ORDER BY c.relname`), func(r sqlstore.Row) error {
		var name string
		var p part
		err := r.Scan(&name, &p.events)
		if day, invalid := strconv.ParseInt(strings.TrimPrefix(name, eventsOf), 10, 32); invalid == nil {
			p.day = clock.Day(day)
			found = append(found, p)
		}
		return err
	})
	return found, err
}

// create makes the partition of a day, with the events of the day that are in the
// default partition. A table that is attached does not lock the whole log, as one that
// is created as a partition would.
func (partitions) create(ctx context.Context, send sqlstore.Send, day clock.Day) error {
	from, to := id.Floor(day.Start()), id.Floor(day.Add(1).Start())
	within := fmt.Sprintf("event_id >= '%s' AND event_id < '%s'", from, to)
	var waiting int64
	err := send(ctx, statement(fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM event_log_default WHERE %s LIMIT %d) d`, within, mostMoved+1)),
		func(r sqlstore.Row) error { return r.Scan(&waiting) })
	if err != nil || waiting > mostMoved {
		return err
	}
	for _, table := range []string{"event_log", "event_log_lines"} {
		name := table + "_" + day.String()
		for _, text := range []string{
			`CREATE TABLE ` + name + ` (LIKE ` + table + ` INCLUDING ALL)`,
			`WITH moved AS (DELETE FROM ` + table + `_default WHERE ` + within + ` RETURNING *) INSERT INTO ` + name + ` SELECT * FROM moved`,
			fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')`, table, name, from, to),
		} {
			if err := send(ctx, statement(text), ignore); err != nil {
				return err
			}
		}
	}
	return nil
}

// Drop implements sqlstore.Days.
func (p partitions) Drop(ctx context.Context, send sqlstore.Send, before clock.Day) (events int64, dropped bool, err error) {
	found, err := p.all(ctx, send)
	if err != nil || len(found) == 0 || found[0].day >= before {
		return 0, false, err
	}
	day := found[0].day.String()
	for _, text := range []string{briefly, `DROP TABLE ` + eventsOf + day + `, ` + linesOf + day} {
		if err := send(ctx, statement(text), ignore); err != nil {
			return 0, false, err
		}
	}
	return found[0].events, true, nil
}

func statement(text string) sqlstore.Stmt { return sqlstore.Stmt{SQL: text, Rows: sqlstore.Any} }
