package sqlstore

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

type eventLog struct{ *session }

// Prepare implements store.EventLog.
func (t eventLog) Prepare(ctx context.Context, days []clock.Day) (left []clock.Day, err error) {
	return t.days.Prepare(ctx, t.change, datedLog(), days)
}

// Add implements store.EventLog. The events are sorted, so that two transactions with
// the same events cannot deadlock.
func (t eventLog) Add(ctx context.Context, events []store.LoggedEvent, lines []store.EventLine) (int64, error) {
	if len(events) == 0 {
		return 0, nil
	}
	if err := t.addLines(lines); err != nil {
		return 0, err
	}
	table, args, err := t.dialect.Set(1, logColumns(events))
	if err != nil {
		return 0, fmt.Errorf("log events: %w", err)
	}
	return count(ctx, t.change, stmt(`
		INSERT INTO event_log (event_id, type, source, time_us, topic, partition_no, offset_no, key, sequence, user_id, order_id,
			traceparent, logged_us, data)
		SELECT event_id, type, source, time_us, topic, partition_no, offset_no, key, sequence,
			NULLIF(user_id, '`+none+`'), NULLIF(order_id, '`+none+`'), traceparent, logged_us, data
		FROM `+table+` v WHERE true ORDER BY event_id
		ON CONFLICT DO NOTHING RETURNING 1`, args...))
}

func (t eventLog) addLines(lines []store.EventLine) error {
	if len(lines) == 0 {
		return nil
	}
	table, args, err := t.dialect.Set(1, []Column{
		{"event_id", UUID, collect(lines, func(l store.EventLine) id.ID { return l.EventID })},
		{"product_id", BigInt, collect(lines, func(l store.EventLine) int64 { return l.ProductID })},
		{"counted_us", BigInt, collect(lines, func(l store.EventLine) int64 { return micros(l.CountedAt) })},
	})
	if err != nil {
		return fmt.Errorf("log the lines of events: %w", err)
	}
	t.exec(`INSERT INTO event_log_lines (event_id, product_id, counted_us)
		SELECT event_id, product_id, counted_us FROM `+table+` v WHERE true ORDER BY event_id, product_id ON CONFLICT DO NOTHING`, args...)
	return nil
}

// none is the zero id, which stands for NULL in a column of ids.
const none = "00000000-0000-0000-0000-000000000000"

// logColumns returns the columns of events.
func logColumns(events []store.LoggedEvent) []Column {
	ids := func(of func(store.LoggedEvent) id.ID) []id.ID { return collect(events, of) }
	texts := func(of func(store.LoggedEvent) string) []string { return collect(events, of) }
	numbers := func(of func(store.LoggedEvent) int64) []int64 { return collect(events, of) }
	return []Column{
		{"event_id", UUID, ids(func(e store.LoggedEvent) id.ID { return e.ID })},
		{"type", Text, texts(func(e store.LoggedEvent) string { return e.Type })},
		{"source", Text, texts(func(e store.LoggedEvent) string { return e.Source })},
		{"time_us", BigInt, numbers(func(e store.LoggedEvent) int64 { return micros(e.Time) })},
		{"topic", Text, texts(func(e store.LoggedEvent) string { return e.Topic })},
		{"partition_no", BigInt, numbers(func(e store.LoggedEvent) int64 { return int64(e.Partition) })},
		{"offset_no", BigInt, numbers(func(e store.LoggedEvent) int64 { return e.Offset })},
		{"key", Text, texts(func(e store.LoggedEvent) string { return e.Key })},
		{"sequence", BigInt, numbers(func(e store.LoggedEvent) int64 { return e.Sequence })},
		{"user_id", UUID, ids(func(e store.LoggedEvent) id.ID { return orZero(e.UserID) })},
		{"order_id", UUID, ids(func(e store.LoggedEvent) id.ID { return orZero(e.OrderID) })},
		{"traceparent", Text, texts(func(e store.LoggedEvent) string { return e.Traceparent })},
		{"logged_us", BigInt, numbers(func(e store.LoggedEvent) int64 { return micros(e.LoggedAt) })},
		{"data", Text, texts(func(e store.LoggedEvent) string { return string(e.Data) })},
	}
}

func collect[E, T any](from []E, of func(E) T) []T {
	all := make([]T, len(from))
	for i, e := range from {
		all[i] = of(e)
	}
	return all
}

func orZero(v *id.ID) id.ID {
	if v == nil {
		return id.ID{}
	}
	return *v
}

// Purge implements store.EventLog.
func (t eventLog) Purge(ctx context.Context, before clock.Day, limit int) (deleted int64, more bool, err error) {
	return t.purgeDays(ctx, datedLog(), before.Start(), limit)
}
