package scoring

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Previewed is an entry of the ranking as it would be.
type Previewed struct {
	ranking.Entry

	Now *int64 // the rank with the weights of now; nil if the product has none
}

// previewSize is how many entries a preview has.
const previewSize = 20

// Preview returns the weights of an edit and the first entries of the ranking of a day as
// they would be if these weights were in force at its end. It changes nothing. The days
// that are carried over keep their own weights. It returns ranking.ErrDate for a day in
// the future.
func (s *Service) Preview(ctx context.Context, e Edit, day clock.Day) (w ranking.Weights, found []Previewed, err error) {
	if day > clock.DayOf(s.now()) {
		return w, nil, ranking.ErrDate.Because("%s is in the future", day)
	}
	err = s.db.Snapshot(ctx, func(tx store.Tx) error {
		now, err := ranking.ReadSchedule(ctx, tx.Weights)
		if err != nil {
			return err
		}
		w = e.apply(now.On(day).Weights)
		if err := w.Check(); err != nil {
			return err
		}
		found, err = compare(ctx, tx.Ranking, now, now.Trial(day, w), day)
		return err
	})
	return w, found, err
}

// compare reads the first entries by one schedule, and their ranks by another one.
func compare(ctx context.Context, t ranking.Table, now, then ranking.Schedule, day clock.Day) ([]Previewed, error) {
	entries, err := t.Top(ctx, then, day, 0, previewSize)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	ids := make([]int64, len(entries))
	for i, entry := range entries {
		ids[i] = entry.ProductID
	}
	ranks, err := t.Ranks(ctx, now, day, ids)
	if err != nil {
		return nil, err
	}
	found := make([]Previewed, len(entries))
	for i, entry := range entries {
		found[i].Entry = entry
		if rank, ok := ranks[entry.ProductID]; ok {
			found[i].Now = &rank
		}
	}
	return found, nil
}
