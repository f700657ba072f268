package sqlstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// outboxRows fills an outbox: 20,000 events of one partition in front, as many that
// are held, and 2,000 of the others.
func (r rawDB) outboxRows(t *testing.T) {
	t.Helper()
	insert := func(bucket, held, key string, n int) {
		r.exec(t, `INSERT INTO outbox (event_id, lane, bucket, held, topic, key, type, time_us, sequence, traceparent, data)
			SELECT `+r.someID("1")+`, n % 8, `+bucket+`, `+held+`, '`+event.CatalogTopic+`', `+key+`, 't', n, 0, '', 'a text of a usual length' FROM `+numbers, n)
	}
	insert("3", "0", "CAST(n AS TEXT)", 20_000)
	insert("4", "1", "'k'", 20_000)
	insert("n % 3", "0", "CAST(n AS TEXT)", 2_000)
	r.exec(t, `ANALYZE`)
}

// healthy are the queues of a topic but one.
func healthy() (queues []store.Queue) {
	for bucket := range event.Partitions {
		if bucket != 3 {
			queues = append(queues, store.Queue{Topic: event.CatalogTopic, Bucket: bucket})
		}
	}
	return queues
}

// A queue that is left out, or rows that are held, must not be walked over.
func TestAReadOfQueuesWalksOverNoOtherRows(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.outboxRows(t)
		p := db.planner(t)
		lanes := []int{0, 1, 2, 3, 4, 5, 6, 7}
		for name, c := range map[string]struct {
			st    sqlstore.Stmt
			index string
		}{
			"some queues": {sqlstore.OutboxStmt(p.db, store.OutboxRead{Lanes: lanes, Queues: healthy(), Limit: 500}), "outbox_queue"},
			"one queue":   {sqlstore.OutboxStmt(p.db, store.OutboxRead{Lanes: lanes, Queues: healthy()[:1], Limit: 16}), "outbox_queue"},
			"all queues":  {sqlstore.OutboxStmt(p.db, store.OutboxRead{Lanes: lanes, After: 40_000, Limit: 500}), ""},
			"the backlog": {sqlstore.MeasureStmt(0), ""},
		} {
			for how, plan := range p.plans(c.st) {
				if c.index != "" && !strings.Contains(plan, c.index) || strings.Contains(plan, "Seq Scan on outbox ") || strings.Contains(plan, "SCAN outbox ") && c.index != "" {
					t.Errorf("%s, %s: not by %s:\n%s\n%s", name, how, c.index, c.st.SQL, plan)
				}
			}
		}
	})
}

// A row that an older program has written has no bucket. It is read with every queue of
// its topic, until the relay has added the bucket.
func TestEventsOfOlderProgramsAreReadWithEveryQueue(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.exec(t, fmt.Sprintf(`INSERT INTO outbox (event_id, lane, topic, key, type, time_us, sequence, traceparent, data)
			SELECT %s, 1, '%s', '1', 't', n, 0, '', '{}' FROM %s`, db.someID("1"), event.CatalogTopic, numbers), 3)
		s := db.open()
		read := func() []store.QueuedEvent {
			var page store.OutboxPage
			err := s.View(t.Context(), func(tx store.Tx) (err error) {
				page, err = tx.Queues.Read(t.Context(), store.OutboxRead{Lanes: []int{1}, Queues: []store.Queue{{Topic: event.CatalogTopic, Bucket: event.PartitionOf("2")}}, Limit: 10})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return page.Events
		}
		found := read()
		if len(found) != 3 || found[0].Bucket != nil {
			t.Fatalf("%+v", found)
		}
		if err := s.Update(t.Context(), func(tx store.Tx) error { tx.Queues.SetBuckets(found); return nil }); err != nil {
			t.Fatal(err)
		}
		if found := read(); len(found) != 0 {
			t.Errorf("%d events are still read with another queue", len(found))
		}
	})
}
