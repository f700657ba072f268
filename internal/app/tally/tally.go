// Package tally counts what happened to products and keeps the live ranking in
// step. Counters are added to in one transaction with the marks of the events,
// so that each event counts once; scores are then computed from the counters
// and written as they are, so that to repeat a write changes nothing. A crash
// at any point is mended by handling the same batch again.
package tally

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Consumer is the name under which handled events are remembered.
const Consumer = "ranking"

// skew is how far the clocks of two machines may be apart. Up to that, the board of a
// new day that one machine builds includes the events that the other one counts.
const skew = time.Minute

// daysBack is how many days before today are prepared for marks. Marks of older events are
// few. They are kept for as long as others, but belong to days that are about to be dropped.
const daysBack = 28

// ScoreWriter writes to the board that shows the live rankings.
type ScoreWriter interface {
	// Set writes scores of a day, each product at most once. It skips scores that
	// are older than those of the board, and days that have no board any more. The
	// generation is that of the weights: if the board is made with weights of a
	// later one, Set returns ranking.ErrWeightsChanged.
	Set(ctx context.Context, day clock.Day, generation int64, scores []ranking.Score) error
}

// Tally counts events. It is safe for concurrent use, by many programs at once.
type Tally struct {
	db      store.DB
	board   ScoreWriter
	weights weights
	days    *store.Days
	group   together
	absence
	now clock.Clock
	log *slog.Logger

	counted, repeated atomic.Int64
}

// New returns a tally. It scores by the weights in the database.
func New(db store.DB, board ScoreWriter, now clock.Clock, log *slog.Logger) *Tally {
	return &Tally{db: db, board: board, now: now, log: log, days: store.NewDays(db, now, log, store.DaysConfig{
		What: "make the partitions of the marks", Back: daysBack,
		Prepare: func(ctx context.Context, tx store.Tx, days []clock.Day) ([]clock.Day, error) {
			return tx.Handled.Prepare(ctx, days)
		},
	})}
}

// Handle counts the events that were not counted before, and then writes the
// scores of every product of the batch: of all of them, because a process that
// has counted an event may have died before it wrote the scores. After an error
// the same batch may be handled again, as a whole or in parts. If an event can
// never be counted, the error is event.ErrUnreadable, and no event of the batch
// has been counted.
func (t *Tally) Handle(ctx context.Context, batch []event.Opened) error {
	events, err := contributions(batch)
	if err != nil || len(events) == 0 {
		return err
	}
	if err := t.group.do(ctx, events, t.count); err != nil {
		return fmt.Errorf("count %d events: %w", len(events), err)
	}
	if err := t.show(ctx, events); err != nil {
		return fmt.Errorf("write the scores of %d events: %w", len(events), err)
	}
	return nil
}

// Counted returns how many events were counted, and how many were received again
// after they had been counted.
func (t *Tally) Counted() (fresh, repeated int64) { return t.counted.Load(), t.repeated.Load() }

// count counts events, which may be those of several batches.
func (t *Tally) count(ctx context.Context, events []contribution) error {
	fresh, err := t.addFresh(ctx, events)
	if err != nil {
		return err
	}
	t.counted.Add(int64(fresh))
	t.repeated.Add(int64(len(events) - fresh))
	t.log.DebugContext(ctx, "counted events", "events", len(events), "fresh", fresh)
	return nil
}

// addFresh adds the fresh events, those that were not counted before, to the counters
// and returns how many there were. Usually all are fresh; events are repeated only
// after a crash, or while partitions move.
func (t *Tally) addFresh(ctx context.Context, events []contribution) (fresh int, err error) {
	ids := sortedIDs(events)
	t.days.Prepare(ctx, slices.Values(ids))
	err = t.db.Update(ctx, func(tx store.Tx) error {
		tx.Handled.MarkNew(Consumer, ids, t.now())
		add(tx, events, ids)
		return nil
	})
	if !errors.Is(err, store.ErrHandled) {
		return len(ids), err
	}
	err = t.db.Update(ctx, func(tx store.Tx) error {
		marked, err := tx.Handled.Mark(ctx, Consumer, ids, t.now())
		fresh = len(marked)
		if err != nil || fresh == 0 {
			return err
		}
		add(tx, events, marked)
		return nil
	})
	return fresh, err
}

// add adds the fresh events to the counters.
func add(tx store.Tx, events []contribution, fresh []id.ID) {
	deltas, likes := sum(events, fresh)
	tx.Metrics.Add(deltas)
	tx.Likes.AddCounts(likes)
}

// sortedIDs returns the ids of the events, each once and in order, so that two
// transactions that mark the same events cannot deadlock.
func sortedIDs(events []contribution) []id.ID {
	all := make([]id.ID, len(events))
	for i, e := range events {
		all[i] = e.id
	}
	slices.SortFunc(all, func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all)
}

// counterKey is the key of a row of counters.
type counterKey struct {
	product int64
	day     clock.Day
}

// sum adds up the fresh events, each once: by product and day, sorted so that all
// transactions lock rows in the same order, and the net likes by product. Sums of
// zero are left out.
func sum(events []contribution, fresh []id.ID) (deltas []metric.Counters, likes map[int64]int64) {
	s := newSums()
	if len(fresh) == len(events) { // usually: all of them, each once
		for _, e := range events {
			s.add(e.counts)
		}
		return s.deltas()
	}
	left := make(map[id.ID]bool, len(fresh))
	for _, e := range fresh {
		left[e] = true
	}
	for _, e := range events {
		if left[e.id] {
			delete(left, e.id)
			s.add(e.counts)
		}
	}
	return s.deltas()
}
