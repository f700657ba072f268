package sqlstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

// eventQueries returns the reads of the event log, by the columns of the index that each
// must use.
func eventQueries() map[string][]sqlstore.Stmt {
	at, user, order := time.UnixMicro(5_000), id.ID{1, 15: 1}, id.ID{2, 15: 1}
	one := func(text string, args ...any) sqlstore.Stmt {
		return sqlstore.Stmt{SQL: text, Args: args, Rows: sqlstore.Any}
	}
	old := func(before time.Time) []sqlstore.Stmt {
		return sqlstore.OldRows(sqlstore.DatedLog(), "event_log", before, 9)
	}
	all := map[string][]sqlstore.Stmt{
		"pkey":      {one(sqlstore.EventByIDSQL, id.ID{0x01, 0x92, 5: 0x01, 6: 0x70, 8: 0x80, 15: 9}), old(filled.Add(1).Start())[0]},
		"order":     {one(sqlstore.EventsOfOrderSQL, order.String(), order, 9)},
		"product":   {sqlstore.CountedLines(1, store.EventFilter{}, 9), sqlstore.CountedLines(1, store.EventFilter{From: at, To: at.Add(time.Hour)}, 9)},
		"the times": {sqlstore.FindEvents(sqlstore.Dialect{}, store.EventFilter{From: at, To: at.Add(1_000)}, nil, 21)},
	}
	for _, after := range []*store.EventPosition{nil, {Time: at, ID: order}} {
		for index, f := range map[string]store.EventFilter{
			"time": {}, "type": {Types: []string{"c"}}, "key": {Key: "17"}, "user": {UserID: user},
		} {
			all[index] = append(all[index], sqlstore.FindEvents(sqlstore.Dialect{}, f, after, 21))
		}
	}
	all["time"] = append(all["time"], all["the times"]...)
	delete(all, "the times")
	return all
}

// Names of the indexes of a partition, as PostgreSQL makes them.
func partitionIndexes() map[string]string {
	return map[string]string{
		"pkey": "_pkey", "order": "_order_id_idx", "product": "_product_id_counted_us_idx",
		"time": "_time_us_idx", "type": "_type_time_us_idx", "key": "_key_time_us_idx", "user": "_user_id_time_us_idx",
	}
}

func TestTheEventLogIsReadByItsIndexes(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, r rawDB) {
		t.Helper()
		r.migrated(t)
		r.fillEventLog(t)
		p := r.planner(t)
		for index, statements := range eventQueries() {
			by := partitionIndexes()[index]
			if r.engine == "sqlite" {
				by = map[string]string{"pkey": "sqlite_autoindex_event_log_1", "product": "event_log_lines_product"}[index]
				if by == "" {
					by = "event_log_" + index
				}
			}
			for _, st := range statements {
				for how, plan := range p.plans(st) {
					if strings.Contains(plan, "Subplans Removed") {
						continue // no partition has the id NULL
					}
					whole := strings.Contains(plan, "Seq Scan on event_log_"+filled.String()) || strings.Contains(plan, "SCAN e\n")
					if whole || !strings.Contains(plan, by) || strings.Contains(plan, "B-TREE FOR ORDER BY") && index != "order" {
						t.Errorf("%s, %s: sorted, or not by %s:\n%s\n%s", index, how, by, st.SQL, plan)
					}
				}
			}
		}
	})
}

// filled is the day of the ids of someID.
const filled = clock.Day(20240917)

// fillEventLog adds 9,999 events to one of several days.
func (r rawDB) fillEventLog(t *testing.T) {
	t.Helper()
	err := r.open().Update(t.Context(), func(tx store.Tx) error {
		return errorOf(tx.Events.Prepare(t.Context(), []clock.Day{filled.Add(-1), filled, filled.Add(1)}))
	})
	if err != nil {
		t.Fatal(err)
	}
	r.exec(t, `INSERT INTO event_log (event_id, type, source, time_us, topic, partition_no, offset_no, key, sequence, user_id, traceparent, logged_us, data)
		SELECT `+r.someID("1")+`, CASE n % 5 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END, '', n, '', 0, n, CAST(n % 100 AS TEXT), 0,
			`+r.someID("2")+`, '', n, '{}' FROM `+numbers, 9_999)
	r.exec(t, `INSERT INTO event_log_lines SELECT `+r.someID("1")+`, 1 + n % 100, n FROM `+numbers, 9_999)
	r.exec(t, `ANALYZE`)
}
