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
	if !w.retry(w.refreshParked) {
		return false
	}
	batch, from, ok := h.decode(w, records)
	return ok && h.handleBatch(w, batch, from)
}

// decode opens the records and returns what they hold, each with its record.
// Unreadable records go to the dead-letter topic; unknown ones are skipped. ok is
// false if the partition had to be given up first.
func (h handlingOf[T]) decode(w *worker, records []*kgo.Record) (batch []T, from []*kgo.Record, ok bool) {
	batch, from = make([]T, 0, len(records)), make([]*kgo.Record, 0, len(records))
	for _, r := range records {
		next := len(batch)
		known, err := h.open(r, &batch[:next+1][next]) // in its place: it is large
		switch {
		case err != nil:
			if !w.sendAway(r, err) {
				return nil, nil, false
			}
		case !known: // a newer program's type
			w.consumer.metrics.skipped.WithLabelValues(w.topic).Inc()
		default:
			batch, from = batch[:next+1], append(from, r)
		}
	}
	return batch, from, true
}

// handleBatch calls the handler until it succeeds or the partition has to be
// given up. If a record of the batch is to blame, the batch is split in halves
// until that record is alone, and only it leaves the partition.
func (h handlingOf[T]) handleBatch(w *worker, batch []T, from []*kgo.Record) bool {
	batch, from, ok := follow(w, batch, from)
	if !ok || len(batch) == 0 {
		return ok
	}
	var guilty error
	ok = w.retry(func() error {
		room := weight(from)
		if !w.consumer.bench.take(room, w.quit) {
			return context.Canceled
		}
		defer w.consumer.bench.give(room) // it holds none while it waits for the next attempt
		err := w.call(w.traced(from, func(ctx context.Context) error { return h.handle(ctx, batch) }))
		if b := blameFor(err); b == unreadable || b == record {
			guilty = err
			return nil
		}
		return err
	})
	switch half := len(batch) / 2; {
	case !ok || guilty == nil:
		return ok
	case half == 0:
		return w.sendAway(from[0], guilty)
	default:
		return h.handleBatch(w, batch[:half], from[:half]) && h.handleBatch(w, batch[half:], from[half:])
	}
}
