package sqlstore

import (
	"context"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

type outbox struct{ *session }

// Append implements store.Outbox. A record gets its sequence number while the
// transaction holds the lock on the product or the order of the event. So the
// numbers grow in the order in which the events of a key happened.
func (t outbox) Append(at time.Time, events ...event.Event) {
	parent := t.trace.Parent()
	t.AppendAll(at, collect(events, func(e event.Event) store.TracedEvent { return store.TracedEvent{Event: e, Traceparent: parent} }))
}

// AppendAll implements store.Outbox. Rows are inserted in the order given, so that they
// have their numbers in this order.
func (t outbox) AppendAll(at time.Time, events []store.TracedEvent) {
	records := make([]event.Envelope, len(events))
	for i, e := range events {
		var err error
		if records[i], err = event.Wrap(t.ids(), at, e.Traceparent, e.Event); err != nil {
			_ = t.fail(err)
			return
		}
	}
	texts := func(of func(event.Envelope) string) []string { return collect(records, of) }
	// The relay relies on it that a transaction has its number before it has one of the outbox.
	t.insertIf(t.horizon.Begun, "outbox", nil,
		Column{"event_id", UUID, collect(records, func(v event.Envelope) id.ID { return v.ID })},
		Column{"lane", Integer, collect(records, func(v event.Envelope) int64 { return laneOf(v.Key) })},
		Column{"bucket", Integer, collect(records, func(v event.Envelope) int64 { return int64(event.PartitionOf(v.Key)) })},
		Column{"topic", Text, texts(func(v event.Envelope) string { return v.Topic })},
		Column{"key", Text, texts(func(v event.Envelope) string { return v.Key })},
		Column{"type", Text, texts(func(v event.Envelope) string { return v.Type })},
		Column{"time_us", BigInt, collect(records, func(v event.Envelope) int64 { return micros(v.Time) })},
		Column{"sequence", BigInt, collect(records, func(v event.Envelope) int64 { return v.Sequence })},
		Column{"traceparent", Text, texts(func(v event.Envelope) string { return v.Traceparent })},
		Column{"data", Text, texts(func(v event.Envelope) string { return string(v.Data) })},
	)
	t.appended = t.appended || len(events) > 0
}

func laneOf(key string) int64 { return int64(xxhash.Sum64String(key) % store.Lanes) }

// Next implements store.Outbox.
func (t outbox) Next(ctx context.Context, lanes []int, limit int) ([]store.OutboxRecord, error) {
	q := stmt(`
		SELECT `+recordColumns+` FROM outbox
		WHERE `+t.dialect.In("lane", Integer, 1)+` ORDER BY seq LIMIT $2`, lanes, limit)
	return all(ctx, t.each, q, func(r row) (p store.OutboxRecord, err error) {
		err = scanRecord(r, &p)
		return p, err
	})
}

// DeletePublished implements store.Outbox.
func (t outbox) DeletePublished(seqs []int64) {
	if len(seqs) > 0 {
		t.exec(`DELETE FROM outbox WHERE `+t.dialect.In("seq", BigInt, 1), seqs)
	}
}

// Backlog implements store.Outbox.
func (t outbox) Backlog(ctx context.Context) (waiting int64, oldest time.Time, err error) {
	err = t.each(ctx, stmt(`SELECT COUNT(*), MIN(time_us) FROM outbox`), func(r row) error {
		var since *int64
		err := r.Scan(&waiting, &since)
		if since != nil {
			oldest = timeOf(*since)
		}
		return err
	})
	return waiting, oldest, err
}
