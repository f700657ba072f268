package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

type handled struct{ *session }

// MarkNew implements store.Handled. Without ON CONFLICT, PostgreSQL looks up each
// key once and writes each row once, instead of twice.
func (t handled) MarkNew(consumer string, events []id.ID, now time.Time) {
	if len(events) == 0 {
		return
	}
	insert, args, err := t.insert(consumer, events, now)
	if err != nil {
		_ = t.fail(err)
		return
	}
	q := stmt(insert, args...)
	q.Faults = Faults{"event_handled_pkey": store.ErrHandled}
	t.queue(q)
}

// Mark implements store.Handled. Each fresh event is returned once.
func (t handled) Mark(ctx context.Context, consumer string, events []id.ID, now time.Time) ([]id.ID, error) {
	if len(events) == 0 {
		return nil, nil
	}
	insert, args, err := t.insert(consumer, events, now)
	if err != nil {
		return nil, err
	}
	q := stmt(insert+` ON CONFLICT DO NOTHING RETURNING event_id`, args...)
	marked, err := all(ctx, t.change, q, scalar[id.ID])
	if err != nil {
		return nil, err
	}
	return among(events, marked), nil
}

// Marked implements store.Handled.
func (t handled) Marked(ctx context.Context, consumer string, events []id.ID) ([]id.ID, error) {
	if len(events) == 0 {
		return nil, nil
	}
	q := stmt(`SELECT event_id FROM event_handled WHERE consumer = $1 AND `+t.dialect.In("event_id", UUID, 2), consumer, events)
	marked, err := all(ctx, t.each, q, scalar[id.ID])
	return among(events, marked), err
}

// insert returns the statement that marks the events. They are sorted, so that two
// transactions with the same events cannot deadlock.
func (t handled) insert(consumer string, events []id.ID, now time.Time) (sql string, args []any, err error) {
	table, set, err := t.dialect.Set(3, []Column{{"event_id", UUID, events}})
	if err != nil {
		return "", nil, fmt.Errorf("handled events: %w", err)
	}
	return `
		INSERT INTO event_handled (consumer, at_us, event_id)
		SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), v.event_id FROM ` + table + ` v WHERE true ORDER BY v.event_id`,
		append([]any{consumer, micros(now)}, set...), nil
}

// Purge implements store.Handled. The id of an event contains its time, so old
// events are found by the primary key.
func (t handled) Purge(ctx context.Context, before time.Time, limit int) (int64, error) {
	return count(ctx, t.change, stmt(`
		DELETE FROM event_handled WHERE (event_id, consumer) IN (
			SELECT event_id, consumer FROM event_handled WHERE event_id < $1 AND at_us < $2 ORDER BY event_id LIMIT $3
		) RETURNING at_us`, id.Floor(before), micros(before), limit))
}

// among returns the events that are in marked, each once.
func among(events, marked []id.ID) []id.ID {
	left := make(map[id.ID]bool, len(marked))
	for _, e := range marked {
		left[e] = true
	}
	found := make([]id.ID, 0, len(marked))
	for _, e := range events {
		if left[e] {
			found = append(found, e)
			delete(left, e)
		}
	}
	return found
}
