package sqlstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

func (s logShop) prepareMarks(days ...clock.Day) {
	s.Helper()
	s.update(func(tx store.Tx) error { return errorOf(tx.Handled.Prepare(s.Context(), days)) })
}

func (s logShop) mark(at time.Time, events ...id.ID) {
	s.Helper()
	s.update(func(tx store.Tx) error {
		tx.Handled.MarkNew("ranking", events, at)
		return nil
	})
}

func (s logShop) purgeMarks(before time.Time) {
	s.Helper()
	for more := true; more; {
		s.update(func(tx store.Tx) (err error) {
			_, more, err = tx.Handled.Purge(s.Context(), before, 100)
			return err
		})
	}
}

func (s logShop) markTables() []string {
	s.Helper()
	return s.column(`SELECT c.relname::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
		WHERE inhparent = 'event_handled'::regclass AND c.relname ~ '[0-9]{8}$' ORDER BY 1`)
}

// idOn returns the n-th id of a day.
func idOn(day clock.Day, n byte) id.ID {
	v := id.Floor(day.Start())
	v[15] = n
	return v
}

func TestMarksOfADayAreAPartitionThatIsDroppedAsAWhole(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	const first, second, third = clock.Day(20251101), clock.Day(20251102), clock.Day(20251103)
	s.mark(first.Start(), idOn(first, 1)) // its day has no partition yet
	s.prepareMarks(third, first, second)
	s.mark(second.Start(), idOn(second, 1), idOn(third, 1))
	for table, want := range map[string]id.ID{"20251101": idOn(first, 1), "20251102": idOn(second, 1), "20251103": idOn(third, 1)} {
		if got := s.column(`SELECT event_id::text FROM event_handled_` + table); !slices.Equal(got, []string{want.String()}) {
			t.Errorf("%s has %v, want %v", table, got, want)
		}
	}
	s.purgeMarks(third.Start().Add(-time.Microsecond))
	if want := []string{"event_handled_20251102", "event_handled_20251103"}; !slices.Equal(s.markTables(), want) {
		t.Errorf("a microsecond before the second day ends there are %v", s.markTables())
	}
	s.purgeMarks(third.Start())
	if want := []string{"event_handled_20251103"}; !slices.Equal(s.markTables(), want) {
		t.Errorf("when the second day has ended there are %v", s.markTables())
	}
}

// A partition with a mark that must last stays, and those of later days are dropped. The
// mark is found without reading the others.
func TestAMarkThatMustLastKeepsThePartitionOfItsDay(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	const first, second = clock.Day(20251101), clock.Day(20251102)
	s.prepareMarks(first, second)
	s.mark(first.Start(), idOn(first, 1))
	s.mark(second.Add(3).Start(), idOn(first, 2)) // it came late
	s.mark(second.Start(), idOn(second, 1))
	s.purgeMarks(second.Add(3).Start())
	if want := []string{"event_handled_20251101"}; !slices.Equal(s.markTables(), want) {
		t.Errorf("there are %v", s.markTables())
	}
	if n := s.column(`SELECT count(*)::text FROM event_handled`); n[0] != "2" {
		t.Errorf("%s marks are left: some were deleted one by one", n)
	}
	if _, err := s.conn.Exec(t.Context(), `SET enable_seqscan = off`); err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(s.column(`EXPLAIN SELECT EXISTS (SELECT 1 FROM event_handled_20251101 WHERE at_us >= `+
		fmt.Sprint(second.Add(3).Start().UnixMicro())+`)`), "\n")
	if !strings.Contains(plan, "event_handled_20251101_at_us_idx") {
		t.Errorf("all marks are read:\n%s", plan)
	}
	s.purgeMarks(second.Add(3).Start().Add(time.Microsecond))
	if got := s.markTables(); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
}

// A shop of version 10 has marks in one table, which becomes a partition. What was counted
// before the migration counts as counted after it, whatever the program that meets it.
func TestMarksFromBeforeTheyHadDaysAreKept(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion(t, 10)
		today := clock.DayOf(time.Now())
		undated, young := id.ID{0: 0xFF, 6: 0x40}, idOn(today, 1)
		old := []id.ID{{6: 0x40}, idOn(today.Add(-29), 1), idOn(today, 2), undated, idOn(today.Add(400), 1)}
		for _, e := range old {
			db.exec(t, `INSERT INTO event_handled (event_id, consumer, at_us) VALUES ($1, 'ranking', $2)`, e.String(), time.Now().UnixMicro())
		}
		db.exec(t, `INSERT INTO event_handled (event_id, consumer, at_us) VALUES ($1, 'another', 1)`, old[1].String())
		db.migrated(t)
		program := db.open()
		handle := func(events ...id.ID) (fresh []id.ID) {
			err := program.Update(t.Context(), func(tx store.Tx) (err error) {
				if _, err = tx.Handled.Prepare(t.Context(), []clock.Day{today.Add(-29), today, today.Add(1), today.Add(2), today.Add(3)}); err == nil {
					fresh, err = tx.Handled.Mark(t.Context(), "ranking", events, time.Now())
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return fresh
		}
		if fresh := handle(append(slices.Clone(old), young)...); !slices.Equal(fresh, []id.ID{young}) {
			t.Errorf("fresh are %v, want %v", fresh, young)
		}
		program10(t, db, young, idOn(today, 3), idOn(today.Add(3), 1))
		if fresh := handle(idOn(today, 3), idOn(today.Add(3), 1)); len(fresh) != 0 {
			t.Errorf("what a program of version 10 has marked is fresh: %v", fresh)
		}
		if days := partitionsOf(t, db); db.engine == "postgres" && !slices.Equal(days, []string{today.Add(2).String(), today.Add(3).String()}) {
			t.Errorf("there are partitions for %v", days)
		}
	})
}

// program10 marks events as a program of version 10 does. The first one has a mark.
func program10(t *testing.T, db rawDB, known id.ID, fresh ...id.ID) {
	t.Helper()
	for _, e := range append(fresh, known) {
		result, err := db.ExecContext(t.Context(), `
			INSERT INTO event_handled (consumer, at_us, event_id) SELECT 'ranking', 7, CAST($1 AS `+
			map[string]string{"sqlite": "TEXT", "postgres": "UUID"}[db.engine]+`) ON CONFLICT DO NOTHING`, e.String())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := result.RowsAffected(); err != nil || (n == 0) != (e == known) {
			t.Errorf("%s: %d rows were added (%v)", e, n, err)
		}
	}
}

func partitionsOf(t *testing.T, db rawDB) (days []string) {
	t.Helper()
	if db.engine != "postgres" {
		return nil
	}
	return db.lines(t, `SELECT right(c.relname::text, 8) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
		WHERE inhparent = 'event_handled'::regclass AND c.relname ~ '[0-9]{8}$' ORDER BY 1`)
}

// The old table goes as a whole, when the last of its marks is old.
func TestThePartitionWithMarksOfAllDaysIsDropped(t *testing.T) {
	t.Parallel()
	s := newLogShopAt(t, 10)
	today := clock.DayOf(time.Now())
	for n, at := range []time.Time{today.Add(-60).Start(), time.Now()} {
		if _, err := s.conn.Exec(t.Context(), `INSERT INTO event_handled VALUES ($1, 'ranking', $2)`, idOn(today.Add(-n), 1).String(), at.UnixMicro()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.purgeMarks(today.Add(3).Start().Add(-time.Second))
	if n := len(s.markTables()); n != 1 {
		t.Errorf("there are %d partitions before the last day has ended", n)
	}
	s.mark(today.Add(9).Start(), idOn(today, 9))
	s.purgeMarks(today.Add(9).Start())
	if n := len(s.markTables()); n != 1 {
		t.Errorf("there are %d partitions while a mark must last", n)
	}
	s.purgeMarks(today.Add(10).Start())
	if got := s.column(`SELECT event_id::text FROM event_handled`); len(s.markTables()) != 0 || len(got) != 0 {
		t.Errorf("there are %v with %v", s.markTables(), got)
	}
}

// A mark is its header of 24 bytes, the id and the time: as small as a row can be. It has
// one index of one column.
func TestAMarkIsAsSmallAsCanBe(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	s.prepareMarks(20251103)
	s.mark(clock.Day(20251103).Start(), idOn(20251103, 1))
	for query, want := range map[string]string{
		`SELECT 24 + pg_column_size(event_id) + pg_column_size(at_us) || ' ' || (consumer IS NULL) FROM event_handled`:               "48 true",
		`SELECT string_agg(indkey::text, ' ') FROM pg_index WHERE indrelid = 'event_handled_20251103'::regclass AND indpred IS NULL`: "1",
	} {
		if got := s.column(query); !slices.Equal(got, []string{want}) {
			t.Errorf("%s = %v, want %s", query, got, want)
		}
	}
}

// Old rows that have no partition are found by an index, in each engine.
func TestOldRowsWithoutAPartitionAreFoundByAnIndex(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, r rawDB) {
		t.Helper()
		r.migrated(t)
		r.exec(t, `INSERT INTO event_handled (event_id, at_us) SELECT `+r.someID("1")+`, n FROM `+numbers, 9_999)
		r.exec(t, `INSERT INTO event_log (event_id, type, source, time_us, topic, partition_no, offset_no, key, sequence, traceparent, logged_us, data)
			SELECT `+r.someID("1")+`, '', '', n, '', 0, n, '', 0, '', n, '{}' FROM `+numbers, 9_999)
		r.exec(t, `ANALYZE`)
		p, rest, byID := r.planner(t), "", "autoindex_event_log_1 PRIMARY"
		if r.engine == "postgres" {
			rest, byID = "_default", "_default_pkey"
		}
		for _, of := range []sqlstore.Dated{sqlstore.DatedMarks(), sqlstore.DatedLog()} {
			table := of.Events() + rest
			old := sqlstore.OldRows(of, table, filled.Add(1).Start(), 9)
			for i, indexes := range []string{byID, table + "_" + strings.TrimSuffix(of.Added, "_us")} {
				for how, plan := range p.plans(old[i]) {
					used := slices.ContainsFunc(strings.Fields(indexes), func(index string) bool { return strings.Contains(plan, index) })
					if !used || strings.Contains(plan, "Sort") || strings.Contains(plan, "B-TREE FOR ORDER BY") {
						t.Errorf("%s: sorted, or not by %s:\n%s\n%s", how, indexes, old[i].SQL, plan)
					}
				}
			}
		}
	})
}
