package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

type handled struct{ *session }

// Prepare implements store.Handled.
func (t handled) Prepare(ctx context.Context, days []clock.Day) (left []clock.Day, err error) {
	return t.days.Prepare(ctx, t.change, datedMarks(), days)
}

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
	return t.found(ctx, t.change, stmt(insert+` ON CONFLICT DO NOTHING RETURNING event_id`, args...), consumer, events)
}

// Marked implements store.Handled.
func (t handled) Marked(ctx context.Context, consumer string, events []id.ID) ([]id.ID, error) {
	if len(events) == 0 {
		return nil, nil
	}
	q := stmt(`SELECT event_id FROM event_handled WHERE `+t.dialect.In("event_id", UUID, 1), keysOf(consumer, events))
	return t.found(ctx, t.each, q, consumer, events)
}

// insert returns the statement that marks the events. Their keys are sorted, so that two
// transactions with the same events cannot deadlock: rows are written in the order of the
// array.
func (t handled) insert(consumer string, events []id.ID, now time.Time) (sql string, args []any, err error) {
	keys := keysOf(consumer, events)
	slices.SortFunc(keys, func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	table, set, err := t.dialect.Set(2, []Column{{"event_id", UUID, keys}})
	if err != nil {
		return "", nil, fmt.Errorf("handled events: %w", err)
	}
	return `INSERT INTO event_handled (at_us, event_id) SELECT CAST($1 AS BIGINT), v.event_id FROM ` + table + ` v WHERE true`,
		append([]any{micros(now)}, set...), nil
}

// found returns the events whose keys a statement returns, each once.
func (t handled) found(ctx context.Context, read reader, q Stmt, consumer string, events []id.ID) ([]id.ID, error) {
	keys, err := all(ctx, read, q, scalar[id.ID])
	if err != nil {
		return nil, err
	}
	left := make(map[id.ID]bool, len(keys))
	for _, key := range keys {
		left[key] = true
	}
	found := make([]id.ID, 0, len(keys))
	for i, key := range keysOf(consumer, events) {
		if left[key] {
			found = append(found, events[i])
			delete(left, key)
		}
	}
	return found, nil
}

// keysOf returns the keys of a consumer's marks of events. For the consumer ranking,
// which has nearly all marks, that is the id of the event. For another one, a number made
// of its name changes the last half of the id, which is random: so one column of 16 bytes
// is the whole key, and the day of the mark is that of the event.
func keysOf(consumer string, events []id.ID) []id.ID {
	keys := slices.Clone(events)
	if consumer == event.RankingGroup {
		return keys
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(consumer)) // a hash never fails
	number := h.Sum64()
	for i := range keys {
		half := keys[i][8:]
		binary.BigEndian.PutUint64(half, binary.BigEndian.Uint64(half)^number)
	}
	return keys
}

// Purge implements store.Handled.
func (t handled) Purge(ctx context.Context, before time.Time, limit int) (deleted int64, more bool, err error) {
	return t.purgeDays(ctx, datedMarks(), before, limit)
}
