package sqlstore_test

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// logShop is a migrated schema of PostgreSQL with a connection that reads its tables.
type logShop struct {
	*testing.T
	db   *sqlstore.DB
	conn *pgx.Conn
}

func newLogShop(t *testing.T) logShop {
	t.Helper()
	s := newLogShopAt(t, 10)
	if _, err := s.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// newLogShopAt has the tables of a version.
func newLogShopAt(t *testing.T, version int64) logShop {
	t.Helper()
	address := storetest.Schema(t)
	db := openPostgres(t, address)
	rawDB{openRaw(t, "pgx", address), "postgres", nil}.atVersion(t, version)
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return logShop{t, db, conn}
}

// errorOf returns the error of a call that has two results.
func errorOf[T any](_ T, err error) error { return err }

func (s logShop) update(fn func(tx store.Tx) error) {
	s.Helper()
	if err := s.db.Update(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

// column returns the texts that a query finds.
func (s logShop) column(query string) []string {
	s.Helper()
	rows, err := s.conn.Query(s.Context(), query)
	if err != nil {
		s.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.Fatal(err)
	}
	return found
}

func (s logShop) tables() []string {
	s.Helper()
	return s.column(`SELECT c.relname::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
		WHERE inhparent IN ('event_log'::regclass, 'event_log_lines'::regclass) AND c.relname ~ '[0-9]{8}$' ORDER BY 1`)
}

// add adds an event of a time, with a line.
func (s logShop) add(at time.Time) id.ID {
	s.Helper()
	v := id.NewSource(func() time.Time { return at }, rand.Reader)()
	e := store.LoggedEvent{Received: event.Received{Envelope: event.Envelope{ID: v, Type: "a", Key: "1", Time: at, Data: []byte("{}")}}, LoggedAt: at}
	s.update(func(tx store.Tx) error {
		_, err := tx.Events.Add(s.Context(), []store.LoggedEvent{e}, []store.EventLine{{EventID: v, ProductID: 1, CountedAt: at}})
		return err
	})
	return v
}

func (s logShop) forget(before clock.Day) {
	s.Helper()
	for more := true; more; {
		s.update(func(tx store.Tx) (err error) {
			_, more, err = tx.Events.Purge(s.Context(), before, 100)
			return err
		})
	}
}

func TestADayOfTheEventLogIsAPartitionThatIsDroppedAsAWhole(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	const first, second, third = clock.Day(20251101), clock.Day(20251102), clock.Day(20251103)
	early := s.add(second.Start()) // its day has no partition yet
	s.update(func(tx store.Tx) error {
		return errorOf(tx.Events.Prepare(t.Context(), []clock.Day{third, first, second}))
	})
	s.update(func(tx store.Tx) error { return errorOf(tx.Events.Prepare(t.Context(), []clock.Day{second})) })
	last, next := s.add(third.Start().Add(-time.Millisecond)), s.add(third.Start())
	for table, want := range map[string][]string{
		"event_log_20251101": nil, "event_log_20251102": {early.String(), last.String()}, "event_log_20251103": {next.String()}, "event_log_default": nil,
		"event_log_lines_20251102": {early.String(), last.String()}, "event_log_lines_20251103": {next.String()}, "event_log_lines_default": nil,
	} {
		if got := s.column(`SELECT event_id::text FROM ` + table + ` ORDER BY event_id`); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", table, got, want)
		}
	}
	var n int64
	s.update(func(tx store.Tx) (err error) {
		n, _, err = tx.Events.Purge(t.Context(), second, 100)
		return err
	})
	if want := []string{"event_log_20251102", "event_log_20251103", "event_log_lines_20251102", "event_log_lines_20251103"}; !slices.Equal(s.tables(), want) || n != 0 {
		t.Errorf("after the first day was forgotten there are %v, and %d events were deleted", s.tables(), n)
	}
	s.forget(third)
	if want := []string{"event_log_20251103", "event_log_lines_20251103"}; !slices.Equal(s.tables(), want) {
		t.Errorf("after the second day there are %v", s.tables())
	}
	if got := s.column(`SELECT event_id::text FROM event_log`); !slices.Equal(got, []string{next.String()}) {
		t.Errorf("the log has %v", got)
	}
}

// A partition that is attached has the same indexes as the log: a query that is fast on
// one is fast on all.
func TestPartitionsOfTheEventLogHaveItsIndexes(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	s.update(func(tx store.Tx) error { return errorOf(tx.Events.Prepare(t.Context(), []clock.Day{20251103})) })
	for _, table := range []string{"event_log", "event_log_lines"} {
		indexes := func(of string) []string {
			return s.column(`SELECT regexp_replace(pg_get_indexdef(indexrelid), '^.* USING', '') FROM pg_index
				WHERE indrelid = '` + of + `'::regclass ORDER BY 1`)
		}
		if got, want := indexes(table+"_20251103"), indexes(table); len(want) < 2 || !slices.Equal(got, want) {
			t.Errorf("%s: the partition has the indexes %v, the table %v", table, got, want)
		}
	}
}

// A backup or a long query may hold a lock of the log for hours.
func TestPreparingADayDoesNotWaitForALockForLong(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	tx, err := s.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT 1 FROM event_log`); err != nil {
		t.Fatal(err)
	}
	err = s.db.Update(t.Context(), func(tx store.Tx) error { return errorOf(tx.Events.Prepare(t.Context(), []clock.Day{20251103})) })
	if err == nil {
		t.Error("a day was prepared though somebody else has locked the log")
	}
	s.add(clock.Day(20251103).Start()) // others go on
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.update(func(tx store.Tx) error { return errorOf(tx.Events.Prepare(t.Context(), []clock.Day{20251103})) })
	if n := len(s.column(`SELECT event_id::text FROM event_log_20251103`)); n != 1 {
		t.Errorf("%d events were moved into the new partition", n)
	}
}

// A row waits for the default partition while the partition of its day is made. Then it belongs
// there: PostgreSQL refuses it, and the transaction runs again.
func TestAnEventThatWaitsWhileItsDayIsPreparedGetsIntoItsPartition(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	day := clock.Day(20251103)
	added := make(chan struct{})
	s.update(func(tx store.Tx) error {
		if _, err := tx.Events.Prepare(t.Context(), []clock.Day{day}); err != nil {
			return err
		}
		go func() {
			defer close(added)
			s.add(day.Start())
		}()
		s.awaitWaiting(added)
		return nil
	})
	<-added
	if n := len(s.column(`SELECT event_id::text FROM event_log_20251103`)); n != 1 {
		t.Errorf("%d events are in the partition of their day", n)
	}
}

// awaitWaiting waits until a statement waits for a table of the log, or has ended.
func (s logShop) awaitWaiting(ended <-chan struct{}) {
	for s.Context().Err() == nil {
		select {
		case <-ended:
			return
		default:
		}
		if n := s.column(`SELECT count(*)::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
			WHERE NOT l.granted AND c.relname LIKE 'event_log%' AND c.relnamespace = current_schema()::regnamespace`); n[0] != "0" {
			return
		}
	}
}

// To move many events into a new partition would hold up everybody. So their day stays
// in the default partition, and is deleted from there.
func TestADayWithManyEventsElsewhereGetsNoPartition(t *testing.T) {
	t.Parallel()
	s := newLogShop(t)
	day := clock.Day(20251103)
	from := id.Floor(day.Start())
	if _, err := s.conn.Exec(t.Context(), `
		INSERT INTO event_log (event_id, type, source, time_us, topic, partition_no, offset_no, key, sequence, traceparent, logged_us, data)
		SELECT (left('`+from.String()+`', 24) || lpad(to_hex(n), 12, '0'))::uuid, 'a', '', 0, '', 0, n, '1', 0, '', 0, '{}'
		FROM generate_series(1, 10001) n`); err != nil {
		t.Fatal(err)
	}
	var left []clock.Day
	s.update(func(tx store.Tx) (err error) {
		left, err = tx.Events.Prepare(t.Context(), []clock.Day{day, day.Add(1)})
		return err
	})
	if !slices.Equal(left, []clock.Day{day}) {
		t.Errorf("left without a partition are %v", left)
	}
	if want := []string{"event_log_20251104", "event_log_lines_20251104"}; !slices.Equal(s.tables(), want) {
		t.Errorf("there are %v", s.tables())
	}
	s.forget(day.Add(1))
	if n := len(s.column(`SELECT event_id::text FROM event_log`)); n != 0 {
		t.Errorf("%d events were not forgotten", n)
	}
}
