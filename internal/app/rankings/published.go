package rankings

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// published reads a page from the table that readers see now. If there is none although
// something was counted, the error is ranking.ErrNotPublished.
func (r *Reader) published(ctx context.Context, q Query) (page Page, err error) {
	err = r.DB.Snapshot(ctx, func(tx store.Tx) error {
		current, err := tx.Published.Current(ctx, q.Period)
		if errors.Is(err, ranking.ErrNotPublished) {
			page = r.nothing(q.Period)
			return notPublished(ctx, tx, q.Period, err)
		}
		if err != nil {
			return err
		}
		page, err = r.ofRun(ctx, tx, q, snapshotOf(current))
		return err
	})
	return page, err
}

// notPublished returns err if something was counted in the period: its ranking is not empty,
// but unknown.
func notPublished(ctx context.Context, tx store.Tx, p ranking.Period, err error) error {
	any, failure := anyCounted(ctx, tx, p)
	switch {
	case failure != nil:
		return failure
	case any:
		return err
	default:
		return nil
	}
}

// ofRun reads a page of a run. Its rows may have been purged meanwhile.
func (r *Reader) ofRun(ctx context.Context, tx store.Tx, q Query, s snapshot) (Page, error) {
	run, err := id.Parse(s.Name)
	if err != nil {
		return Page{}, ErrSnapshot
	}
	rows, err := rowsOf(ctx, tx, run, q)
	if err != nil {
		return Page{}, err
	}
	entries := make([]ranking.Entry, len(rows))
	for i, row := range rows {
		entries[i] = row.Entry
	}
	if err := s.checkWhole(ctx, tx, run, q, entries); err != nil {
		return Page{}, err
	}
	page := r.page(q, FromTable, s.asOf(), entries)
	page.Complete, page.Snapshot = s.Complete, s.token(q)
	return page, nil
}

func rowsOf(ctx context.Context, tx store.Tx, run id.ID, q Query) ([]ranking.Row, error) {
	if q.BrandID != 0 {
		return tx.Published.OfBrand(ctx, run, q.BrandID, q.offset(), q.Size+1)
	}
	return tx.Published.Rows(ctx, run, q.offset(), q.Size+1)
}

// checkWhole returns ErrSnapshotExpired if rows of the run are missing.
func (s snapshot) checkWhole(ctx context.Context, tx store.Tx, run id.ID, q Query, found []ranking.Entry) error {
	if q.BrandID == 0 {
		if want := max(0, min(q.Size+1, s.Ranks-q.offset())); int64(len(found)) < want {
			return ErrSnapshotExpired
		}
		if len(found) > 0 {
			return nil
		}
	}
	for _, offset := range []int64{0, s.Ranks - 1} { // a purge has begun at one end of them
		if s.Ranks == 0 {
			return nil
		}
		rows, err := tx.Published.Rows(ctx, run, offset, 1)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrSnapshotExpired
		}
	}
	return nil
}

// anyCounted reports whether something was counted on the days that have a part in the
// scores of the period.
func anyCounted(ctx context.Context, tx store.Tx, p ranking.Period) (bool, error) {
	found := errors.New("found")
	first, last := p.Counted()
	err := tx.Metrics.All(ctx, first, last, func(metric.Counters) error { return found })
	if errors.Is(err, found) {
		return true, nil
	}
	return false, err
}
