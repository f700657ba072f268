package tally

import (
	"context"
	"maps"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// show writes the scores of the facts' products for every day that the facts
// flow into and a board is kept of. It reads the clock after the counters are
// committed: whoever makes a new day's board from then on has read them.
func (t *Tally) show(ctx context.Context, facts []fact) error {
	now := t.now()
	last := clock.DayOf(now.Add(ranking.Eve + skew))
	since := firsts(facts, ranking.OnBoard(now)[0])
	rows, err := t.rows(ctx, since, last)
	if err != nil {
		return err
	}
	scores := make(map[clock.Day][]ranking.Score)
	for _, pid := range slices.Sorted(maps.Keys(since)) {
		for _, day := range since[pid].Until(last) {
			if s := t.weights.Score(day, rows[pid]); s.ProductID == pid { // else nothing was ever counted
				scores[day] = append(scores[day], s)
			}
		}
	}
	for _, day := range slices.Sorted(maps.Keys(scores)) {
		if err := t.board.Set(ctx, day, scores[day]); err != nil {
			return err
		}
	}
	return nil
}

// firsts returns the first day to write for each product: the earliest that the
// facts touch, but none before the oldest board.
func firsts(facts []fact, oldest clock.Day) map[int64]clock.Day {
	since := make(map[int64]clock.Day)
	for _, f := range facts {
		for _, c := range f.counts {
			day := max(c.Day, oldest)
			if known, ok := since[c.ProductID]; !ok || day < known {
				since[c.ProductID] = day
			}
		}
	}
	return since
}

// rows reads the counters of the products that flow into the days to write.
func (t *Tally) rows(ctx context.Context, since map[int64]clock.Day, last clock.Day) (map[int64][]metric.Counters, error) {
	first := last
	for _, day := range since {
		first = min(first, day)
	}
	rows := make(map[int64][]metric.Counters, len(since))
	err := t.db.View(ctx, func(tx store.Tx) error {
		all, err := tx.Metrics.Of(ctx, slices.Sorted(maps.Keys(since)), first.Add(-ranking.Window), last)
		for _, c := range all {
			rows[c.ProductID] = append(rows[c.ProductID], c)
		}
		return err
	})
	return rows, err
}
