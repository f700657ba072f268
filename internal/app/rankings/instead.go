package rankings

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// instead reads a page of a day whose board is not complete. A day that is over comes from
// its table.
func (r *Reader) instead(ctx context.Context, q Query) (Page, error) {
	switch {
	case q.Period.First < r.today():
		return r.published(ctx, q)
	case q.BrandID != 0: // it has few products
		return r.counted(ctx, q)
	}
	stored, large, err := r.stored(ctx, q)
	if err != nil {
		return Page{}, err
	}
	if large {
		return stored(ctx, q)
	}
	page, err := r.counted(ctx, q)
	if err != nil && stored != nil && ctx.Err() == nil {
		return stored(ctx, q)
	}
	return page, err
}

// stored returns what reads a page of the running day from a table: the last one of today
// or, if there is none yet, that of the day before; nil if there is neither. It reports
// whether the shop is large: to compute its ranking would read the counters of all products.
func (r *Reader) stored(ctx context.Context, q Query) (read func(context.Context, Query) (Page, error), large bool, err error) {
	today, found, err := r.current(ctx, q.Period)
	if err == nil && found {
		return r.published, r.large(today), nil
	}
	if err != nil && !errors.Is(err, ranking.ErrNotPublished) {
		return nil, false, err
	}
	before, found, err := r.current(ctx, q.Period.Previous())
	switch {
	case err == nil && found:
		return r.carried, r.large(before), nil
	case errors.Is(err, ranking.ErrNotPublished), errors.Is(err, ranking.ErrNotKept):
		return nil, false, nil
	}
	return nil, false, err
}

// large reports whether a table is of a large shop. An old one is the last resort: the job
// that publishes tables has stopped.
func (r *Reader) large(p ranking.Publication) bool {
	return p.Rows >= Depth && r.Clock().Sub(p.AsOf) < recent
}

// recent is how old a table may be that is shown and not computed anew.
const recent = time.Hour

// carried reads a page of a day as it began: with what is carried over from the ranking of
// the day before.
func (r *Reader) carried(ctx context.Context, q Query) (Page, error) {
	var page Page
	var before ranking.Publication
	_, err := r.onCurrent(ctx, q.Period.Previous(), func(current ranking.Publication) (err error) {
		before = current
		page, err = r.ofRun(ctx, q, snapshotOf(current))
		return err
	})
	if err != nil {
		return Page{}, err
	}
	var weights ranking.Schedule
	err = r.DB.View(ctx, func(tx store.Tx) error {
		weights, err = scheduleOf(ctx, tx)
		return err
	})
	if err != nil {
		return Page{}, err
	}
	carry := ranking.Points(weights.On(q.Period.First).Weights.Carry)
	kept := page.Items[:0]
	for _, item := range page.Items {
		if item.Score = carry * item.Score / thousand; item.Score > 0 {
			kept = append(kept, item)
		}
	}
	page.HasMore = page.HasMore && len(kept) == len(page.Items)
	page.Items, page.Complete, page.Snapshot, page.Cut = kept, false, "", isCut(before)
	if before.Complete {
		page.AsOf = q.Period.First.Start()
	}
	return page, nil
}

// thousand is the unit of weights.
const thousand = 1000
