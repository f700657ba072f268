package tally

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// writeScores writes the scores of the events' products, for every day that the
// events flow into and that has a board. It reads the clock after the counters are
// committed: a builder that begins the board of a new day later reads them.
func (t *Tally) writeScores(ctx context.Context, events []contribution) error {
	now := t.now()
	last := clock.DayOf(now.Add(ranking.Eve + skew))
	since := firstDays(events, ranking.OnBoard(now)[0])
	err := t.write(ctx, since, last, now)
	for n := 1; n < attempts && errors.Is(err, ranking.ErrWeightsChanged); n++ {
		t.log.InfoContext(ctx, "the weights have changed: reading them again")
		t.weights.forget()
		err = t.write(ctx, since, last, now)
	}
	if errors.Is(err, ranking.ErrWeightsChanged) {
		return fmt.Errorf("%w: %w", errWeightsMove, err)
	}
	return err
}

// errWeightsMove says that no event is to blame: the batch can be handled again.
var errWeightsMove = fault.New(fault.Unavailable, "WEIGHTS_MOVE", "the weights of the ranking change again and again")

// attempts is how often scores are computed and written, if the weights have changed
// in between each time.
const attempts = 3

// write computes the scores of each product from its first day to the last, and writes
// them.
func (t *Tally) write(ctx context.Context, since map[int64]clock.Day, last clock.Day, now time.Time) error {
	rows, schedule, err := t.counters(ctx, since, last, now)
	if err != nil {
		return err
	}
	scores := make(map[clock.Day][]ranking.Score)
	for _, pid := range slices.Sorted(maps.Keys(since)) {
		for _, day := range since[pid].Until(last) {
			if s := schedule.Score(day, rows[pid]); s.ProductID == pid { // else nothing was ever counted
				scores[day] = append(scores[day], s)
			}
		}
	}
	days := slices.Sorted(maps.Keys(scores))
	for i, day := range days {
		if err := t.board.Set(ctx, day, schedule.Generation(day), scores[day]); err != nil {
			return awayOr(ctx, err, days[i:])
		}
	}
	return nil
}

// firstDays returns the first day to write for each product: the earliest day of
// its events, but no day before the oldest board.
func firstDays(events []contribution, oldest clock.Day) map[int64]clock.Day {
	since := make(map[int64]clock.Day)
	for _, e := range events {
		for _, c := range e.counts {
			day := max(c.Day, oldest)
			if known, ok := since[c.ProductID]; !ok || day < known {
				since[c.ProductID] = day
			}
		}
	}
	return since
}

// counters returns the counters, by product, that flow into the days to write, and the
// weights.
func (t *Tally) counters(
	ctx context.Context, since map[int64]clock.Day, last clock.Day, now time.Time,
) (map[int64][]metric.Counters, ranking.Schedule, error) {
	first := last
	for _, day := range since {
		first = min(first, day)
	}
	rows := make(map[int64][]metric.Counters, len(since))
	var schedule ranking.Schedule
	err := t.db.View(ctx, func(tx store.Tx) (err error) {
		if schedule, err = t.weights.read(ctx, tx.Weights, now); err != nil {
			return err
		}
		all, err := tx.Metrics.Of(ctx, slices.Sorted(maps.Keys(since)), first.Add(-ranking.Window), last)
		for _, c := range all {
			rows[c.ProductID] = append(rows[c.ProductID], c)
		}
		return err
	})
	return rows, schedule, err
}
