package tally

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/store"
)

// How a write of scores is tried again before the board counts as away. It takes less than
// a second: to make a whole board again costs more. The first wait is longer than the circuit
// breaker of the board stays open.
const (
	tries     = 3
	firstWait = 300 * time.Millisecond
	lastWait  = 400 * time.Millisecond
)

// awayError is an error of a board that cannot be reached, or refuses to be written.
type awayError struct {
	cause error
	days  []clock.Day // whose scores were to be written
}

func (e *awayError) Error() string { return e.cause.Error() }
func (e *awayError) Unwrap() error { return e.cause }

// awayOr returns an awayError if the error says that the board is away.
func awayOr(ctx context.Context, err error, days []clock.Day) error {
	if err == nil || ctx.Err() != nil || fault.KindOf(err) != fault.Unavailable {
		return err
	}
	return &awayError{err, days}
}

// show writes the scores of the events. If the board is away, counting goes on: show notes in
// the database which days the board lacks, and the reconciler makes them whole. The counters
// are committed before, so a build that begins after the note reads them. A process that dies
// before the note has not committed its offsets, and the batch is handled again.
func (t *Tally) show(ctx context.Context, events []contribution) error {
	err := t.writeScores(ctx, events)
	var away *awayError
	waits := backoff.New(firstWait, lastWait, nil)
	for n := 1; n < tries && errors.As(err, &away) && !t.away.Load(); n++ {
		if !backoff.Wait(ctx, waits.Next()) {
			return err
		}
		err = t.writeScores(ctx, events)
	}
	if !errors.As(err, &away) {
		if err == nil && t.away.Swap(false) {
			t.log.InfoContext(ctx, "the ranking board takes scores again")
		}
		return err
	}
	if !t.away.Swap(true) {
		t.log.WarnContext(ctx, "the ranking board takes no scores: counting goes on, and the board is made whole later", "error", err)
	}
	return t.note(ctx, away.days)
}

// note notes that the board lacks scores of days.
func (t *Tally) note(ctx context.Context, days []clock.Day) error {
	days = slices.Compact(slices.Sorted(slices.Values(days)))
	err := t.db.Update(ctx, func(tx store.Tx) error {
		tx.Gaps.Note(days)
		return nil
	})
	if err != nil {
		return fmt.Errorf("note that the board lacks scores of %d days: %w", len(days), err)
	}
	t.noted.Add(1)
	return nil
}

// Noted returns for how many batches the board was away.
func (t *Tally) Noted() int64 { return t.noted.Load() }

// absence is whether the board was away when scores were written last.
type absence struct {
	away  atomic.Bool
	noted atomic.Int64
}
