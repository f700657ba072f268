package sqlstore

import (
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

type setAside struct{ *session }

// All implements store.SetAsideTable.
func (t setAside) All(ctx context.Context) ([]store.SetAside, error) {
	q := stmt(`
		SELECT a.topic, a.key, a.seq, a.lane, a.state, a.reason, a.attempts, a.since_us, a.tried_us,
			o.event_id, COALESCE(o.type, ''), COALESCE(o.time_us, 0), COALESCE(o.sequence, 0), COALESCE(o.traceparent, ''), COALESCE(octet_length(o.data), 0)
		FROM outbox_set_aside a LEFT JOIN outbox o ON o.seq = a.seq ORDER BY a.seq`)
	return all(ctx, t.each, q, func(r row) (a store.SetAside, err error) {
		var state string
		var eventID *id.ID
		var since, tried, at int64
		v := &a.Envelope
		err = r.Scan(&v.Topic, &v.Key, &a.Seq, &a.Lane, &state, &a.Reason, &a.Attempts, &since, &tried,
			&eventID, &v.Type, &at, &v.Sequence, &v.Traceparent, &a.Bytes)
		if eventID != nil {
			v.ID, v.Source, v.Time = *eventID, event.Source, timeOf(at)
		}
		a.State, a.Since, a.TriedAt = store.SetAsideState(state), timeOf(since), timeOf(tried)
		return a, err
	})
}

// Behind implements store.SetAsideTable.
func (t setAside) Behind(ctx context.Context, a store.SetAside) (int64, error) {
	q := stmt(`SELECT COUNT(*) FROM outbox WHERE held = 1 AND topic = $1 AND key = $2 AND seq > $3`, a.Envelope.Topic, a.Envelope.Key, a.Seq)
	return first(ctx, t.each, q, scalar[int64], nil)
}

// Put implements store.SetAsideTable. A second relay may set aside a later event of the
// key, which it believes to be the first: the first one stays. Whichever it is, the row
// of the key is locked, so that it is not forgotten before the event is held.
func (t setAside) Put(ctx context.Context, a store.SetAside) error {
	err := t.change(ctx, stmt(`
		INSERT INTO outbox_set_aside (topic, key, seq, lane, state, reason, attempts, since_us, tried_us)
		SELECT topic, key, seq, lane, 'SET_ASIDE', $1, $2, $3, $4 FROM outbox WHERE seq = $5
		ON CONFLICT (topic, key) DO UPDATE SET
			seq = excluded.seq, state = 'SET_ASIDE', reason = excluded.reason, attempts = excluded.attempts, tried_us = excluded.tried_us
			WHERE outbox_set_aside.seq = excluded.seq OR NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = outbox_set_aside.seq)
		RETURNING seq`, a.Reason, a.Attempts, micros(a.Since), micros(a.TriedAt), a.Seq), func(row) error { return nil })
	if err == nil {
		t.exec(`UPDATE outbox SET held = 1 WHERE seq = $1`, a.Seq)
	}
	return err
}

// Hold implements store.SetAsideTable. The rows of the keys are locked: otherwise a key
// could be forgotten between the check and the update, and its events be held for ever.
func (t setAside) Hold(ctx context.Context, events []store.QueuedEvent) error {
	keys := collect(events, func(e store.QueuedEvent) string { return e.Envelope.Key })
	q := stmt(`SELECT topic, key FROM outbox_set_aside WHERE `+t.dialect.In("key", Text, 1)+` ORDER BY topic, key `+t.dialect.ForShare, keys)
	locked, err := all(ctx, t.change, q, func(r row) (v event.Envelope, err error) {
		err = r.Scan(&v.Topic, &v.Key)
		return v, err
	})
	if err != nil {
		return err
	}
	var seqs []int64
	for _, e := range events {
		if slices.ContainsFunc(locked, func(v event.Envelope) bool { return v.Topic == e.Envelope.Topic && v.Key == e.Envelope.Key }) {
			seqs = append(seqs, e.Seq)
		}
	}
	if len(seqs) > 0 {
		t.exec(`UPDATE outbox SET held = 1 WHERE `+t.dialect.In("seq", BigInt, 1), seqs)
	}
	return nil
}

// Held implements store.SetAsideTable.
func (t setAside) Held(ctx context.Context, a store.SetAside, limit int) ([]store.OutboxRecord, error) {
	q := stmt(`SELECT `+recordColumns+` FROM outbox WHERE held = 1 AND topic = $1 AND key = $2 ORDER BY seq LIMIT $3`,
		a.Envelope.Topic, a.Envelope.Key, limit)
	return all(ctx, t.each, q, func(r row) (p store.OutboxRecord, err error) {
		err = scanRecord(r, &p)
		return p, err
	})
}

// Forget implements store.SetAsideTable. The lock comes first: the statement that deletes
// sees what those who had the lock before have written.
func (t setAside) Forget(ctx context.Context, a store.SetAside) error {
	v := a.Envelope
	lock := stmt(`SELECT seq FROM outbox_set_aside WHERE topic = $1 AND key = $2 `+t.dialect.ForUpdate, v.Topic, v.Key)
	if err := t.change(ctx, lock, func(row) error { return nil }); err != nil {
		return err
	}
	t.exec(`DELETE FROM outbox_set_aside WHERE topic = $1 AND key = $2
		AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.held = 1 AND o.topic = $1 AND o.key = $2)`, v.Topic, v.Key)
	return nil
}

// Release implements store.SetAsideTable.
func (t setAside) Release(ctx context.Context, seq int64, d *store.Discard) (bool, error) {
	found := false
	err := t.change(ctx, stmt(`UPDATE outbox_set_aside SET state = 'RETRY' WHERE seq = $1 AND state = 'SET_ASIDE' RETURNING seq`, seq),
		func(row) error { found = true; return nil })
	if err != nil || !found || d == nil {
		return found, err
	}
	t.exec(`
		INSERT INTO outbox_discarded (seq, event_id, topic, key, type, time_us, sequence, traceparent, data, cause, actor, reason, discarded_us)
		SELECT o.seq, o.event_id, o.topic, o.key, o.type, o.time_us, o.sequence, o.traceparent, o.data, a.reason, $1, $2, $3
		FROM outbox o JOIN outbox_set_aside a ON a.seq = o.seq WHERE o.seq = $4`, d.Actor, d.Reason, micros(d.At), seq)
	t.exec(`DELETE FROM outbox WHERE seq = $1`, seq)
	return true, nil
}
