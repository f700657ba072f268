package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/id"
	pages "github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	eventColumns = `e.event_id, e.type, e.source, e.time_us, e.topic, e.partition_no, e.offset_no, e.key, e.sequence, e.user_id, e.order_id,
		e.traceparent, e.logged_us, e.data`
	newestFirst  = "time_us DESC, event_id DESC"
	selectEvents = `SELECT ` + eventColumns + ` FROM event_log e `
	eventByID    = selectEvents + `WHERE event_id = $1`
	// Each half has an index. With an OR, the whole log would be read.
	eventsOfOrder = `SELECT * FROM (` + selectEvents + `WHERE key = $1 UNION ALL ` + selectEvents + `WHERE order_id = $2) e
		ORDER BY time_us, event_id LIMIT $3`
)

func eventListing(more, order string) listing {
	return listing{columns: strings.ReplaceAll(eventColumns, "e.", "") + more, bytes: "octet_length(data)", order: order}
}

func scanEvent(r row) (e store.LoggedEvent, err error) { return scanEventAnd(r) }

// scanEventAnd reads an event, and columns after it.
func scanEventAnd(r row, more ...any) (e store.LoggedEvent, err error) {
	var at, logged int64
	var data string
	err = r.Scan(append([]any{
		&e.ID, &e.Type, &e.Source, &at, &e.Topic, &e.Partition, &e.Offset, &e.Key, &e.Sequence, &e.UserID, &e.OrderID,
		&e.Traceparent, &logged, &data,
	}, more...)...)
	e.Time, e.LoggedAt, e.Data = timeOf(at), timeOf(logged), []byte(data)
	return e, err
}

// Get implements store.EventLog.
func (t eventLog) Get(ctx context.Context, event id.ID) (store.LoggedEvent, error) {
	return first(ctx, t.each, stmt(eventByID, event), scanEvent, store.ErrEventNotFound)
}

// Find implements store.EventLog.
func (t eventLog) Find(ctx context.Context, f store.EventFilter, after *store.EventPosition, limit int) (found []store.LoggedEvent, more bool, err error) {
	q := eventListing("", newestFirst).fitting(findEvents(t.dialect, f, after, limit+1), pages.MaxBytes)
	found, more, err = readFitting(ctx, t.each, q, scanEventAnd)
	if len(found) > limit {
		found, more = found[:limit], true
	}
	return found, more, err
}

// findEvents has conditions that have an index each, which has the time, too.
func findEvents(d Dialect, f store.EventFilter, after *store.EventPosition, limit int) Stmt {
	w := where{text: "WHERE true"}
	if len(f.Types) == 1 {
		w.and("type = %s", f.Types[0])
	} else if len(f.Types) > 1 {
		w.args = append(w.args, f.Types)
		w.text += " AND " + d.In("type", Text, len(w.args))
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
	return page(selectEvents, w, newestFirst, limit)
}

// OfOrder implements store.EventLog.
func (t eventLog) OfOrder(ctx context.Context, order id.ID, limit int) ([]store.LoggedEvent, error) {
	return all(ctx, t.each, stmt(eventsOfOrder, order.String(), order, limit), scanEvent)
}

// OfProduct implements store.EventLog.
func (t eventLog) OfProduct(ctx context.Context, productID int64, f store.EventFilter, limit int) ([]store.CountedEvent, error) {
	f.Key = strconv.FormatInt(productID, 10)
	own, _, err := t.Find(ctx, f, nil, limit)
	if err != nil {
		return nil, err
	}
	q := eventListing(", counted_us", "counted_us DESC, event_id DESC").fitting(countedLines(productID, f, limit), pages.MaxBytes)
	found, _, err := readFitting(ctx, t.each, q, func(r row, more ...any) (c store.CountedEvent, err error) {
		var at int64
		c.LoggedEvent, err = scanEventAnd(r, append([]any{&at}, more...)...)
		c.CountedAt = timeOf(at)
		return c, err
	})
	for _, e := range own {
		found = append(found, store.CountedEvent{LoggedEvent: e, CountedAt: e.Time})
	}
	slices.SortFunc(found, func(a, b store.CountedEvent) int {
		return cmp.Or(b.CountedAt.Compare(a.CountedAt), bytes.Compare(b.ID[:], a.ID[:]))
	})
	return found[:min(limit, len(found))], err
}

func countedLines(productID int64, f store.EventFilter, limit int) Stmt {
	w := where{text: "WHERE l.product_id = $1", args: []any{productID}}
	if !f.From.IsZero() {
		w.and("l.counted_us >= %s", micros(f.From))
	}
	if !f.To.IsZero() {
		w.and("l.counted_us < %s", micros(f.To))
	}
	return page(`SELECT `+eventColumns+`, l.counted_us FROM event_log_lines l JOIN event_log e ON e.event_id = l.event_id `, w,
		"l.counted_us DESC, l.event_id DESC", limit)
}
