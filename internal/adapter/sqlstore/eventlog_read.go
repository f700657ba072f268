package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

const selectEvents = `
	SELECT event_id, type, source, time_us, topic, partition_no, offset_no, key, sequence, user_id, order_id, traceparent, logged_us, data
	FROM event_log `

func scanEvent(r row) (e store.LoggedEvent, err error) {
	var at, logged int64
	var data string
	err = r.Scan(&e.ID, &e.Type, &e.Source, &at, &e.Topic, &e.Partition, &e.Offset, &e.Key, &e.Sequence, &e.UserID, &e.OrderID,
		&e.Traceparent, &logged, &data)
	e.Time, e.LoggedAt, e.Data = timeOf(at), timeOf(logged), []byte(data)
	return e, err
}

// Get implements store.EventLog.
func (t eventLog) Get(ctx context.Context, event id.ID) (store.LoggedEvent, error) {
	return first(ctx, t.each, stmt(selectEvents+`WHERE event_id = $1`, event), scanEvent, store.ErrEventNotFound)
}

// Find implements store.EventLog.
func (t eventLog) Find(ctx context.Context, f store.EventFilter, after *store.EventPosition, limit int) ([]store.LoggedEvent, error) {
	return all(ctx, t.each, t.findEvents(f, after, limit), scanEvent)
}

// findEvents returns a statement. Each of its conditions has an index, which has the
// time, too.
func (t eventLog) findEvents(f store.EventFilter, after *store.EventPosition, limit int) Stmt {
	w := where{text: "WHERE true"}
	if len(f.Types) == 1 {
		w.and("type = %s", f.Types[0])
	} else if len(f.Types) > 1 {
		w.args = append(w.args, f.Types)
		w.text += " AND " + t.dialect.In("type", Text, len(w.args))
	}
	if f.Key != "" {
		w.and("key = %s", f.Key)
	}
	if !f.UserID.IsZero() {
		w.and("user_id = %s", f.UserID)
	}
	if !f.From.IsZero() {
		w.and("time_us >= %s", micros(f.From))
	}
	if !f.To.IsZero() {
		w.and("time_us < %s", micros(f.To))
	}
	if after != nil {
		w.and("(time_us, event_id) < (%s, %s)", micros(after.Time), after.ID)
	}
	return page(selectEvents, w, "time_us DESC, event_id DESC", limit)
}

// OfOrder implements store.EventLog. Each half has an index; with an OR, the whole log
// would be read.
func (t eventLog) OfOrder(ctx context.Context, order id.ID, limit int) ([]store.LoggedEvent, error) {
	return all(ctx, t.each, stmt(`SELECT * FROM (`+selectEvents+`WHERE key = $1 UNION ALL `+selectEvents+`WHERE order_id = $2) e
		ORDER BY time_us, event_id LIMIT $3`, order.String(), order, limit), scanEvent)
}
