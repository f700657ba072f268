package sqlstore

import (
	"context"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

type outbox struct{ *session }

// Append implements store.Outbox. A record gets its sequence number while the
// transaction holds the lock on the product or the order of the event. So the
// numbers grow in the order in which the events of a key happened.
func (t outbox) Append(at time.Time, events ...event.Event) {
	for _, e := range events {
		v, err := event.Wrap(t.ids(), at, t.trace.Parent(), e)
		if err != nil {
			_ = t.fail(err)
			return
		}
		t.exec(`
			INSERT INTO outbox (event_id, lane, topic, key, type, time_us, sequence, traceparent, data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			v.ID, laneOf(v.Key), v.Topic, v.Key, v.Type, micros(v.Time), v.Sequence, v.Traceparent, string(v.Data))
		t.appended = true
	}
}

func laneOf(key string) int64 { return int64(xxhash.Sum64String(key) % store.Lanes) }

// Next implements store.Outbox.
func (t outbox) Next(ctx context.Context, lanes []int, limit int) ([]store.OutboxRecord, error) {
	q := stmt(`
		SELECT seq, event_id, topic, key, type, time_us, sequence, traceparent, data FROM outbox
		WHERE `+t.dialect.In("lane", Integer, 1)+` ORDER BY seq LIMIT $2`, lanes, limit)
	return all(ctx, t.each, q, func(r row) (p store.OutboxRecord, err error) {
		var at int64
		var data string
		v := &p.Envelope
		err = r.Scan(&p.Seq, &v.ID, &v.Topic, &v.Key, &v.Type, &at, &v.Sequence, &v.Traceparent, &data)
		v.Source, v.Time, v.Data = event.Source, timeOf(at), []byte(data)
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
