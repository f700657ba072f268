package rankings

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// foldKey names the live ranking of a day; of all products if the brand is 0.
type foldKey struct {
	day     clock.Day
	brandID int64
}

// fold is the beginning of a live ranking, of which pages are cut.
type fold struct {
	asOf    time.Time
	entries []ranking.Entry // at most Depth
}

func (f fold) weight() int { return len(f.entries) }

// cut returns the entries of a page, and one more if there are any.
func (f fold) cut(q Query) []ranking.Entry {
	n := int64(len(f.entries))
	return f.entries[min(q.offset(), n):min(q.offset()+q.Size+1, n)]
}

// counted reads a page from the counters.
func (r *Reader) counted(ctx context.Context, q Query) (Page, error) {
	key := foldKey{q.Period.First, q.BrandID}
	f, err := r.folds.get(ctx, key, func(ctx context.Context) (fold, error) { return r.fold(ctx, key) })
	if err != nil {
		return Page{}, err
	}
	page := r.page(q, FromDatabase, f.asOf, f.cut(q))
	page.Cut = len(f.entries) == Depth
	return page, nil
}

func (r *Reader) fold(ctx context.Context, key foldKey) (f fold, err error) {
	f.asOf = r.Clock()
	err = r.DB.View(ctx, func(tx store.Tx) error {
		if key.brandID != 0 {
			f.entries, err = brandFold(ctx, tx, key)
			return err
		}
		f.entries, err = topOf(ctx, tx, key.day, Depth)
		return err
	})
	if err != nil {
		r.Log.WarnContext(ctx, "a ranking cannot be computed from the counters", "day", key.day, "brand", key.brandID, "error", err)
	}
	return f, err
}
