package rankings

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ranks are ranks by product.
type ranks map[int64]int64

// runKey names the ranking of a brand in a run.
type runKey struct {
	run     id.ID
	brandID int64
}

// compare adds the ranks in the period before. If that has no ranking yet, items stay
// uncompared: an answer without movements is better than none.
func (r *Reader) compare(ctx context.Context, q Query, items []Item) error {
	if len(items) == 0 {
		return nil
	}
	ids := make([]int64, len(items))
	for i, item := range items {
		ids[i] = item.ProductID
	}
	before, known, err := r.before(ctx, q.Period.Previous(), q.BrandID, ids)
	if err != nil || !known {
		return err
	}
	for i := range items {
		items[i].Compared = true
		if rank, ok := before[items[i].ProductID]; ok {
			items[i].Previous = &rank
		}
	}
	return nil
}

// before returns the ranks of products in a period, and whether it has a ranking.
func (r *Reader) before(ctx context.Context, p ranking.Period, brandID int64, ids []int64) (ranks, bool, error) {
	if p.Kind == ranking.Daily && r.hasBoard(p.First) {
		if found, err := r.onBoard(ctx, p.First, brandID, ids); err == nil {
			return found, true, nil
		}
	}
	return r.inTable(ctx, p, brandID, ids)
}

func (r *Reader) inTable(ctx context.Context, p ranking.Period, brandID int64, ids []int64) (ranks, bool, error) {
	var found ranks
	known := false
	err := r.DB.Snapshot(ctx, func(tx store.Tx) error {
		current, err := tx.Published.Current(ctx, p)
		if errors.Is(err, ranking.ErrNotPublished) {
			err = notPublished(ctx, tx, p, err)
			known = err == nil // nothing was counted: no product had a rank
			return err
		}
		if err != nil {
			return err
		}
		known = true
		found, err = r.inRun(ctx, tx, current, brandID, ids)
		return err
	})
	if errors.Is(err, ranking.ErrNotPublished) {
		return nil, false, nil
	}
	return found, known, err
}

func (r *Reader) onBoard(ctx context.Context, day clock.Day, brandID int64, ids []int64) (ranks, error) {
	if brandID == 0 {
		found, complete, err := r.Board.Ranks(ctx, day, ids)
		if err == nil && !complete {
			err = errIncomplete
		}
		return found, err
	}
	f, err := r.brandOnBoard(ctx, foldKey{day, brandID})
	return byProduct(f.entries), err
}

func (r *Reader) inRun(ctx context.Context, tx store.Tx, p ranking.Publication, brandID int64, ids []int64) (ranks, error) {
	if brandID == 0 {
		return tx.Published.Ranks(ctx, p.Run, ids)
	}
	return r.earlier.get(ctx, runKey{p.Run, brandID}, func(ctx context.Context) (ranks, error) {
		var rows []ranking.Row
		err := r.DB.View(ctx, func(tx store.Tx) (err error) {
			rows, err = tx.Published.OfBrand(ctx, p.Run, brandID, 0, Depth)
			return err
		})
		found := make(ranks, len(rows))
		for _, row := range rows {
			found[row.ProductID] = row.Rank
		}
		return found, err
	})
}

func byProduct(entries []ranking.Entry) ranks {
	found := make(ranks, len(entries))
	for _, e := range entries {
		found[e.ProductID] = e.Rank
	}
	return found
}
