package rankings

import (
	"cmp"
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// brandChunk is how many products of a brand are read at once.
const brandChunk = 1000

// liveBrand reads a page of a brand's ranking from the scores on the board.
func (r *Reader) liveBrand(ctx context.Context, q Query) (Page, error) {
	f, err := r.brandOnBoard(ctx, foldKey{q.Period.First, q.BrandID})
	return r.page(q, FromBoard, f.asOf, f.cut(q)), err
}

// brandOnBoard returns a brand's ranking, or errIncomplete.
func (r *Reader) brandOnBoard(ctx context.Context, key foldKey) (fold, error) {
	if err := r.checkBoard(ctx, key.day); err != nil {
		return fold{}, err
	}
	return r.brands.get(ctx, key, func(ctx context.Context) (fold, error) {
		f := fold{asOf: r.Clock()}
		var all []ranking.Entry
		err := eachOfBrand(ctx, r.productsOf, key.brandID, func(ids []int64) error {
			scores, complete, err := r.Board.LiveScores(ctx, key.day, ids)
			if err == nil && !complete {
				err = errIncomplete
			}
			for pid, score := range scores {
				all = append(all, ranking.Entry{ProductID: pid, Score: ranking.Points(score)})
			}
			return err
		})
		f.entries = ranked(all)
		return f, err
	})
}

// there is a board that is complete.
type there struct{}

func (there) weight() int { return 0 }

// checkBoard returns errIncomplete for a board of which no brand has to be asked.
func (r *Reader) checkBoard(ctx context.Context, day clock.Day) error {
	_, err := r.boards.get(ctx, day, func(ctx context.Context) (there, error) {
		_, complete, err := r.Board.Top(ctx, day, 0, 1)
		if err == nil && !complete {
			err = errIncomplete
		}
		return there{}, err
	})
	return err
}

// productsOf reads the ids of products of a brand. No connection is held while others are
// asked about them.
func (r *Reader) productsOf(ctx context.Context, brandID, after int64, limit int) (ids []int64, err error) {
	err = r.DB.View(ctx, func(tx store.Tx) error {
		ids, err = tx.Brands.Products(ctx, brandID, after, limit)
		return err
	})
	return ids, err
}

// brandFold computes the ranking of a brand on a day from the counters of its products,
// which are read by index.
func brandFold(ctx context.Context, tx store.Tx, key foldKey) ([]ranking.Entry, error) {
	weights, err := scheduleOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var all []ranking.Entry
	err = eachOfBrand(ctx, tx.Brands.Products, key.brandID, func(ids []int64) error {
		rows, err := tx.Metrics.Of(ctx, ids, key.day.Add(-ranking.Window), key.day)
		all = append(all, scored(weights, key.day, rows)...)
		return err
	})
	return ranked(all), err
}

// scored returns the products that have a rank. The counters are in order of product.
func scored(weights ranking.Schedule, day clock.Day, rows []metric.Counters) (all []ranking.Entry) {
	for len(rows) > 0 {
		n := slices.IndexFunc(rows, func(c metric.Counters) bool { return c.ProductID != rows[0].ProductID })
		if n < 0 {
			n = len(rows)
		}
		if s := weights.Score(day, rows[:n]); s.Ranked() {
			all = append(all, ranking.Entry{ProductID: s.ProductID, Score: ranking.Points(s.Live)})
		}
		rows = rows[n:]
	}
	return all
}

// eachOfBrand calls f with the ids of all products of a brand, some at a time.
func eachOfBrand(
	ctx context.Context, read func(ctx context.Context, brandID, after int64, limit int) ([]int64, error), brandID int64, f func(ids []int64) error,
) error {
	for after := int64(0); ; {
		ids, err := read(ctx, brandID, after, brandChunk)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := f(ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// ranked sorts entries, keeps the first of them and gives them their ranks.
func ranked(all []ranking.Entry) []ranking.Entry {
	slices.SortFunc(all, func(a, b ranking.Entry) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.ProductID, a.ProductID))
	})
	all = slices.Clone(all[:min(len(all), Depth)])
	for i := range all {
		all[i].Rank = int64(i) + 1
	}
	return all
}
