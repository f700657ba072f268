package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// partitions keeps each day of a table in a partition of its own: event_log_20251103. The
// partition "undated" has the ids behind those of all days, such as most random ones. The
// default partition has the rest: rows of days that have no partition, and a few random
// ids. Since it is small, to attach a partition takes no time: PostgreSQL reads all of the
// default partition then. The partition of a table that is older than its partitions
// reaches back to the oldest id.
type partitions struct{}

const (
	// mostMoved bounds the events that are moved from the default partition into the new
	// one of their day. With more of them the day stays where it is: nobody waits long.
	mostMoved = 10_000
	// A lock that is not free soon, for example because of a backup, is not waited for:
	// meanwhile, other transactions would wait behind this one.
	briefly = `SET LOCAL lock_timeout = '300ms'`
	rest    = "_default"
	undated = "_undated"
)

func ignore(sqlstore.Row) error { return nil }

// Rest implements sqlstore.Days.
func (partitions) Rest() []string { return []string{rest, undated} }

// Prepare implements sqlstore.Days.
func (p partitions) Prepare(ctx context.Context, send sqlstore.Send, of sqlstore.Dated, days []clock.Day) (left []clock.Day, err error) {
	missing, err := p.missing(ctx, send, of, days)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	// The lock keeps others from making partitions, and from adding events of these days.
	locked := strings.Join(of.Tables, rest+", ") + rest
	if err := sendAll(ctx, send, briefly, `LOCK TABLE `+locked+` IN ACCESS EXCLUSIVE MODE`); err != nil {
		return nil, err
	}
	if missing, err = p.missing(ctx, send, of, missing); err != nil {
		return nil, err
	}
	for _, day := range missing {
		made, err := p.create(ctx, send, of, day)
		if err != nil {
			return nil, fmt.Errorf("make the partition of %s: %w", day, err)
		}
		if !made {
			left = append(left, day)
		}
	}
	return left, nil
}

// missing returns the days that have no partition.
func (p partitions) missing(ctx context.Context, send sqlstore.Send, of sqlstore.Dated, days []clock.Day) ([]clock.Day, error) {
	found, err := p.all(ctx, send, of)
	return slices.DeleteFunc(slices.Clone(days), func(d clock.Day) bool {
		return slices.ContainsFunc(found, func(p part) bool { return p.day == d || p.early && d < p.day })
	}), err
}

// part is the partition of a day.
type part struct {
	day    clock.Day
	early  bool  // it also has all days before
	events int64 // an estimate of the planner
}

// all returns the partitions of days, oldest first.
func (partitions) all(ctx context.Context, send sqlstore.Send, of sqlstore.Dated) (found []part, err error) {
	table := of.Events()
	err = send(ctx, statement(`
		SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) LIKE '%(MINVALUE)%', GREATEST(c.reltuples, 0)::bigint
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '`+table+`'::regclass ORDER BY c.relname`), func(r sqlstore.Row) error {
		var name string
		var p part
		err := r.Scan(&name, &p.early, &p.events)
		if day, invalid := strconv.ParseInt(strings.TrimPrefix(name, table+"_"), 10, 32); invalid == nil {
			p.day = clock.Day(day)
			found = append(found, p)
		}
		return err
	})
	return found, err
}

// create makes the partition of a day, with the events of the day that are in the
// default partition, unless they are too many. A table that is attached does not lock the
// whole table, as one that is created as a partition would.
func (partitions) create(ctx context.Context, send sqlstore.Send, of sqlstore.Dated, day clock.Day) (made bool, err error) {
	from, to := id.Floor(day.Start()), id.Floor(day.Add(1).Start())
	within := fmt.Sprintf("event_id >= '%s' AND event_id < '%s'", from, to)
	var waiting int64
	err = send(ctx, statement(fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d) d`, of.Events()+rest, within, mostMoved+1)),
		func(r sqlstore.Row) error { return r.Scan(&waiting) })
	if err != nil || waiting > mostMoved {
		return false, err
	}
	for _, table := range of.Tables {
		name := table + "_" + day.String()
		err := sendAll(ctx, send,
			`CREATE TABLE `+name+` (LIKE `+table+` INCLUDING ALL)`,
			`WITH moved AS (DELETE FROM `+table+rest+` WHERE `+within+` RETURNING *) INSERT INTO `+name+` SELECT * FROM moved`,
			fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')`, table, name, from, to))
		if err != nil {
			return false, err
		}
	}
	if !of.Lasting {
		return true, nil
	}
	// Few rows are added after their day, and this index has only those.
	return true, sendAll(ctx, send, fmt.Sprintf(`CREATE INDEX ON %s_%s (%s) WHERE %[3]s >= %d`,
		of.Events(), day, of.Added, day.Add(1).Start().UnixMicro()))
}

// Drop implements sqlstore.Days.
func (p partitions) Drop(ctx context.Context, send sqlstore.Send, of sqlstore.Dated, before time.Time) (events int64, dropped bool, err error) {
	found, err := p.all(ctx, send, of)
	if err != nil {
		return 0, false, err
	}
	for _, part := range found {
		if part.day.Add(1).Start().After(before) {
			break
		}
		if dropped, err := p.drop(ctx, send, of, part.day, before); err != nil || dropped {
			return part.events, dropped, err
		}
	}
	return 0, false, nil
}

// drop drops the partition of a day, unless a row in it has to last. It looks twice: the
// second time nobody can add rows.
func (p partitions) drop(ctx context.Context, send sqlstore.Send, of sqlstore.Dated, day clock.Day, before time.Time) (bool, error) {
	lasts, err := p.lasts(ctx, send, of, day, before)
	if err != nil || lasts {
		return false, err
	}
	whole := strings.Join(of.Tables, ", ONLY ")
	if err := sendAll(ctx, send, briefly, `LOCK TABLE ONLY `+whole+` IN ACCESS EXCLUSIVE MODE`); err != nil {
		return false, err
	}
	if lasts, err = p.lasts(ctx, send, of, day, before); err != nil || lasts {
		return false, err
	}
	names := make([]string, len(of.Tables))
	for i, table := range of.Tables {
		names[i] = table + "_" + day.String()
	}
	return true, sendAll(ctx, send, `DROP TABLE `+strings.Join(names, ", "))
}

// lasts reports whether the partition of a day has rows that were not added before a time.
// Without statistics, the planner would read all rows rather than an index of none.
func (partitions) lasts(ctx context.Context, send sqlstore.Send, of sqlstore.Dated, day clock.Day, before time.Time) (lasts bool, err error) {
	if !of.Lasting {
		return false, nil
	}
	if err := sendAll(ctx, send, `SET LOCAL enable_seqscan = off`); err != nil {
		return false, err
	}
	err = send(ctx, statement(fmt.Sprintf(`SELECT EXISTS (SELECT 1 FROM %s_%s WHERE %s >= %d)`, of.Events(), day, of.Added, before.UnixMicro())),
		func(r sqlstore.Row) error { return r.Scan(&lasts) })
	return lasts, err
}

// sendAll sends statements that return nothing.
func sendAll(ctx context.Context, send sqlstore.Send, texts ...string) error {
	for _, text := range texts {
		if err := send(ctx, statement(text), ignore); err != nil {
			return err
		}
	}
	return nil
}

func statement(text string) sqlstore.Stmt { return sqlstore.Stmt{SQL: text, Rows: sqlstore.Any} }

// partitioned returns the name that a constraint of a partition has on the whole table.
func partitioned(table, constraint string) string {
	whole, day := table, ""
	if end := strings.LastIndexByte(table, '_'); end > 0 {
		whole, day = table[:end], table[end:]
	}
	isDay := len(day) == len("_20251103") && strings.Trim(day[1:], "0123456789") == ""
	if !isDay && day != rest && day != undated {
		return constraint
	}
	return whole + strings.TrimPrefix(constraint, table)
}
