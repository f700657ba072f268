package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// handling is what a consumer does with the records of a batch.
type handling interface {
	// process reports false if the partition had to be given up first.
	process(w *worker, records []*kgo.Record) bool
}

// handlingOf decodes the records of a batch and hands what they hold to a handler.
type handlingOf[T any] struct {
	open   func(r *kgo.Record, into *T) (known bool, err error)
	handle func(ctx context.Context, batch []T) error
}

// process implements handling.
func (h handlingOf[T]) process(w *worker, records []*kgo.Record) bool {
	return w.retry(w.refreshParked) && h.processAll(w, records)
}

// opened is what the records of a batch hold.
type opened[T any] struct {
	batch      []T
	from       []*kgo.Record // those of the batch
	unknown    int           // records of a newer program's types
	unreadable []unreadableRecord
}

type unreadableRecord struct {
	*kgo.Record

	err error
}

// decode opens the records.
func (h handlingOf[T]) decode(records []*kgo.Record) (o opened[T]) {
	o.batch, o.from = make([]T, 0, len(records)), make([]*kgo.Record, 0, len(records))
	for _, r := range records {
		next := len(o.batch)
		known, err := h.open(r, &o.batch[:next+1][next]) // in its place: it is large
		switch {
		case err != nil:
			o.unreadable = append(o.unreadable, unreadableRecord{r, err})
		case !known:
			o.unknown++
		default:
			o.batch, o.from = o.batch[:next+1], append(o.from, r)
		}
	}
	return o
}

// processAll calls the handler until it succeeds or the partition has to be given up. If a
// record of the batch is to blame, the batch is split in halves until that record is alone,
// and only it leaves the partition. Unreadable records go to the dead-letter topic.
func (h handlingOf[T]) processAll(w *worker, records []*kgo.Record) bool {
	records, ok := follow(w, records)
	if !ok || len(records) == 0 {
		return ok
	}
	var guilty error
	var bad []unreadableRecord
	ok = w.retry(func() (err error) {
		bad, err = h.attempt(w, records)
		if b := blameFor(err); b == record || b == unreadable {
			guilty = err
			return nil
		}
		return err
	})
	switch half := len(records) / 2; {
	case !ok:
		return false
	case guilty == nil:
		return w.sendAllAway(bad)
	case half == 0:
		return w.sendAway(records[0], guilty)
	default:
		return h.processAll(w, records[:half]) && h.processAll(w, records[half:])
	}
}

// attempt decodes and handles records while there is room for them. It keeps nothing while
// the partition waits for the next attempt: a partition that waits must not fill the memory.
func (h handlingOf[T]) attempt(w *worker, records []*kgo.Record) (bad []unreadableRecord, err error) {
	room := weight(records)
	if !w.consumer.bench.take(room, w.quit) {
		return nil, context.Canceled
	}
	defer w.consumer.bench.give(room)
	o := h.decode(records)
	if len(o.batch) > 0 {
		err = w.call(w.traced(o.from, func(ctx context.Context) error { return h.handle(ctx, o.batch) }))
	}
	if err == nil && o.unknown > 0 {
		w.consumer.metrics.skipped.WithLabelValues(w.topic).Add(float64(o.unknown))
	}
	return o.unreadable, err
}

// sendAllAway sends unreadable records to the dead-letter topic.
func (w *worker) sendAllAway(all []unreadableRecord) bool {
	for _, r := range all {
		if !w.sendAway(r.Record, r.err) {
			return false
		}
	}
	return true
}
