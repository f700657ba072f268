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

// skew is how far the clocks of two machines may be apart without a new day's
// board, made by one, missing what the other counts.
const skew = time.Minute

// Board shows the live rankings.
type Board interface {
	// Set writes scores of a day, each product at most once, except those that
	// are older than what it has. A day that it no longer shows is passed over.
	Set(ctx context.Context, day clock.Day, scores []ranking.Score) error
}

// Tally counts events. It is safe for concurrent use, by many programs at once.
type Tally struct {
	db      store.DB
	board   Board
	weights ranking.Weights
	now     clock.Clock
	log     *slog.Logger

	counted, repeated atomic.Int64
}

// New returns a tally that scores by the weights.
func New(db store.DB, board Board, weights ranking.Weights, now clock.Clock, log *slog.Logger) *Tally {
	return &Tally{db: db, board: board, weights: weights, now: now, log: log}
}

// Handle counts those of the events that were not counted before, and brings
// the board up to date for every product of the batch: for all of them, since
// whoever counted an event before may have died ahead of the board. When it
// fails, the same batch may be handled again, whole or in parts. An event that
// cannot be counted, now or ever, is event.ErrUnreadable, and nothing of the
// batch has been counted then.
func (t *Tally) Handle(ctx context.Context, batch []event.Opened) error {
	facts, err := read(batch)
	if err != nil || len(facts) == 0 {
		return err
	}
	fresh, err := t.count(ctx, facts)
	if err != nil {
		return fmt.Errorf("count %d events: %w", len(facts), err)
	}
	t.counted.Add(int64(fresh))
	t.repeated.Add(int64(len(facts) - fresh))
	t.log.DebugContext(ctx, "counted events", "events", len(facts), "fresh", fresh)
	if err := t.show(ctx, facts); err != nil {
		return fmt.Errorf("show %d events: %w", len(facts), err)
	}
	return nil
}

// Counted returns how many events were counted, and how many were met that had
// been counted before.
func (t *Tally) Counted() (fresh, repeated int64) { return t.counted.Load(), t.repeated.Load() }

// count adds what is fresh to the counters, and returns how many facts were. As
// a rule all are: only after a crash, or while partitions move, was one counted
// before.
func (t *Tally) count(ctx context.Context, facts []fact) (fresh int, err error) {
	events := ids(facts)
	err = t.db.Update(ctx, func(tx store.Tx) error {
		tx.Handled.MarkNew(Consumer, events, t.now())
		add(tx, facts, events)
		return nil
	})
	if !errors.Is(err, store.ErrHandled) {
		return len(events), err
	}
	err = t.db.Update(ctx, func(tx store.Tx) error {
		marked, err := tx.Handled.Mark(ctx, Consumer, events, t.now())
		fresh = len(marked)
		if err != nil || fresh == 0 {
			return err
		}
		add(tx, facts, marked)
		return nil
	})
	return fresh, err
}

// add adds those facts to the counters that are fresh.
func add(tx store.Tx, facts []fact, fresh []id.ID) {
	deltas, likes := sum(facts, fresh)
	tx.Metrics.Add(deltas)
	tx.Likes.AddCounts(likes)
}

// ids returns the ids of the events, each once and in order: two transactions
// that mark the same events must not wait for each other crosswise.
func ids(facts []fact) []id.ID {
	all := make([]id.ID, len(facts))
	for i, f := range facts {
		all[i] = f.id
	}
	slices.SortFunc(all, func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all)
}

// place is one row of counters.
type place struct {
	product int64
	day     clock.Day
}

// sum adds up the facts that are fresh, each once: by product and day, sorted
// so that rows are locked in the same order by everyone, and the net likes by
// product. What cancels out within the batch is left out.
func sum(facts []fact, fresh []id.ID) (deltas []metric.Counters, likes map[int64]int64) {
	left := make(map[id.ID]bool, len(fresh))
	for _, e := range fresh {
		left[e] = true
	}
	sums := make(map[place]metric.Counters)
	likes = make(map[int64]int64)
	for _, f := range facts {
		if !left[f.id] {
			continue
		}
		delete(left, f.id)
		for _, c := range f.counts {
			at := place{c.ProductID, c.Day}
			sums[at] = c.Plus(sums[at])
			likes[c.ProductID] += c.Likes
		}
	}
	return sorted(sums), nonzero(likes)
}
