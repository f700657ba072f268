package rankings

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// lastRank is the last rank that is read: nobody needs more pages, and the offset
// does not overflow.
const lastRank = 1 << 40

// Read returns a page of a ranking. A period in the future and one without events are
// empty. Errors are ranking.ErrNotPublished, ranking.ErrNotKept, ErrSnapshot, ErrSnapshotExpired,
// product.ErrBrandNotFound, and those of the database.
func (r *Reader) Read(ctx context.Context, q Query) (Page, error) {
	p, err := r.read(ctx, q)
	if err != nil {
		return Page{}, fmt.Errorf("%s ranking %s: %w", q.Period.Kind, q.Period.Key(), err)
	}
	r.reads.count(p.Source)
	return p, nil
}

// readTime bounds all that a reader waits for. What is computed goes on for the next ones.
const readTime = 3 * time.Second

func (r *Reader) read(ctx context.Context, q Query) (Page, error) {
	within, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	page, err := r.readWithin(within, q)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return page, err
}

func (r *Reader) readWithin(ctx context.Context, q Query) (Page, error) {
	if err := r.checkBrand(ctx, q.BrandID); err != nil {
		return Page{}, err
	}
	if q.Number < 1 || q.Size < 1 || q.Number > lastRank/q.Size || q.Period.First > r.today() {
		return r.nothing(q.Period), nil
	}
	page, err := r.find(ctx, q)
	if err == nil {
		err = r.compare(ctx, q, page.Items)
	}
	return page, err
}

// find reads a page without the ranks of the period before.
func (r *Reader) find(ctx context.Context, q Query) (Page, error) {
	if q.Snapshot != "" && q.Snapshot != NewSnapshot {
		return r.pinned(ctx, q)
	}
	if q.Period.Kind != ranking.Daily || !r.hasBoard(q.Period.First) {
		return r.published(ctx, q)
	}
	page, err := r.live(ctx, q)
	if err == nil && !r.lacking(ctx, q.Period.First) {
		return page, err
	}
	page, err = r.instead(ctx, q)
	if err == nil && len(page.Items) == 0 && page.Cut {
		return Page{}, ErrBusy.Because("the live ranking is made again; until then only its first ranks are shown; try again later")
	}
	return page, err
}

// live reads a page from the board, if that is complete.
func (r *Reader) live(ctx context.Context, q Query) (page Page, err error) {
	switch {
	case q.BrandID != 0:
		page, err = r.liveBrand(ctx, q)
	case q.Snapshot == NewSnapshot:
		page, err = r.takeSnapshot(ctx, q)
	default:
		page, err = r.liveTop(ctx, q)
	}
	if err != nil {
		r.Log.DebugContext(ctx, "the board is not used for a ranking", "day", q.Period.First, "error", err)
	}
	return page, err
}

func (r *Reader) liveTop(ctx context.Context, q Query) (Page, error) {
	asOf := r.Clock()
	top, complete, err := r.Board.Top(ctx, q.Period.First, q.offset(), q.Size+1)
	if err == nil && !complete {
		err = errIncomplete
	}
	return r.page(q, FromBoard, asOf, top), err
}

// page returns a page from entries that were read with a limit of one more than its size.
func (r *Reader) page(q Query, source Source, asOf time.Time, entries []ranking.Entry) Page {
	p := Page{AsOf: asOf, Complete: over(q.Period, asOf), Source: source, HasMore: int64(len(entries)) > q.Size}
	for _, e := range entries[:min(int64(len(entries)), q.Size)] {
		p.Items = append(p.Items, Item{Entry: e})
	}
	return p
}

// nothing is the page of a period in which nothing was counted.
func (r *Reader) nothing(p ranking.Period) Page {
	now := r.Clock()
	return Page{AsOf: now, Complete: over(p, now), Source: FromNothing}
}

// over reports whether a period was over at a time.
func over(p ranking.Period, at time.Time) bool { return !at.Before(p.End()) }

func (r *Reader) today() clock.Day { return clock.DayOf(r.Clock()) }

// hasBoard reports whether the day has begun and its board has not expired.
func (r *Reader) hasBoard(day clock.Day) bool {
	return day <= r.today() && r.Clock().Before(ranking.Expiry(day))
}

// Rank returns the rank of a product on a day, or nil if it has none or the board
// cannot be read.
func (r *Reader) Rank(ctx context.Context, day clock.Day, productID int64) *int64 {
	if !r.hasBoard(day) {
		return nil
	}
	rank, err := r.Board.Rank(ctx, day, productID)
	if err != nil {
		r.Log.DebugContext(ctx, "the rank cannot be read", "day", day, "product", productID, "error", err)
	}
	return rank
}

// Ranks returns the ranks of products on a day. Those without one are missing. If the
// board cannot be read, all are.
func (r *Reader) Ranks(ctx context.Context, day clock.Day, productIDs []int64) map[int64]int64 {
	if !r.hasBoard(day) {
		return nil
	}
	ranks, _, err := r.Board.Ranks(ctx, day, productIDs)
	if err != nil {
		r.Log.DebugContext(ctx, "ranks cannot be read", "day", day, "products", len(productIDs), "error", err)
	}
	return ranks
}

// checkBrand returns product.ErrBrandNotFound if there is no such brand. The id 0 stands for
// all brands.
func (r *Reader) checkBrand(ctx context.Context, brandID int64) error {
	if brandID == 0 {
		return nil
	}
	return r.DB.View(ctx, func(tx store.Tx) error {
		_, err := tx.Brands.Get(ctx, brandID)
		return err
	})
}
