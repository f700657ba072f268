package rankings

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ranks are ranks by product. Products without one are missing.
type ranks map[int64]int64

// runKey names the ranking of a brand in a run.
type runKey struct {
	run     id.ID
	brandID int64
}

// compare adds the ranks in the period before. If that has no ranking yet, or none in time,
// items stay uncompared: an answer without movements is better than none.
func (r *Reader) compare(ctx context.Context, q Query, items []Item) error {
	if len(items) == 0 {
		return nil
	}
	ids := make([]int64, len(items))
	for i, item := range items {
		ids[i] = item.ProductID
	}
	before, err := r.before(ctx, q.Period.Previous(), q.BrandID, ids)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the items are there, in time
	}
	for _, unknown := range []error{ranking.ErrNotPublished, ranking.ErrNotKept, ErrSnapshotExpired, ErrBusy} {
		if errors.Is(err, unknown) {
			return nil
		}
	}
	for i := range items {
		items[i].Compared = err == nil
		if rank, ok := before[items[i].ProductID]; ok {
			items[i].Previous = &rank
		}
	}
	return err
}

// before returns the ranks of products in a period, or ranking.ErrNotPublished.
func (r *Reader) before(ctx context.Context, p ranking.Period, brandID int64, ids []int64) (ranks, error) {
	if p.Kind == ranking.Daily && r.hasBoard(p.First) {
		if found, err := r.onBoard(ctx, p.First, brandID, ids); err == nil || errors.Is(err, ErrBusy) {
			return found, err
		}
	}
	var found ranks // none if nothing was counted: no product had a rank
	_, err := r.onCurrent(ctx, p, func(current ranking.Publication) (err error) {
		if brandID == 0 {
			found, err = r.inRun(ctx, current, ids)
			return err
		}
		list, err := r.brandOfRun(ctx, current.Run, brandID, current.Rows)
		found = list.ranksOf(ids)
		return err
	})
	return found, err
}

func (r *Reader) onBoard(ctx context.Context, day clock.Day, brandID int64, ids []int64) (ranks, error) {
	if brandID != 0 {
		list, err := r.brandOnBoard(ctx, foldKey{day, brandID})
		return list.ranksOf(ids), err
	}
	found, complete, err := r.Board.Ranks(ctx, day, ids)
	if err == nil && !complete {
		err = errIncomplete
	}
	return found, err
}

// inRun returns the ranks of products in a table. If some have none, it looks whether the rows
// are still there, or returns ErrSnapshotExpired.
func (r *Reader) inRun(ctx context.Context, p ranking.Publication, ids []int64) (found ranks, err error) {
	err = r.DB.View(ctx, func(tx store.Tx) error {
		if found, err = tx.Published.Ranks(ctx, p.Run, ids); err != nil || len(found) == len(ids) {
			return err
		}
		return checkWhole(ctx, tx, p.Run, p.Rows)
	})
	return found, err
}

// ranksOf returns the ranks of some products.
func (f fold) ranksOf(ids []int64) ranks {
	wanted := make(map[int64]bool, len(ids))
	for _, pid := range ids {
		wanted[pid] = true
	}
	found := make(ranks, len(ids))
	for _, e := range f.entries {
		if wanted[e.ProductID] {
			found[e.ProductID] = e.Rank
		}
	}
	return found
}
