package rankings

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// published reads a page from the table that readers see now. If there is none although
// something was counted, the error is ranking.ErrNotPublished.
func (r *Reader) published(ctx context.Context, q Query) (page Page, err error) {
	found, err := r.onCurrent(ctx, q.Period, func(current ranking.Publication) error {
		page, err = r.ofRun(ctx, q, snapshotOf(current))
		page.Cut = isCut(current)
		return err
	})
	if !found {
		page = r.nothing(q.Period)
	}
	return page, err
}

// onCurrent calls read with the publication that readers see now. If read finds that rows of
// it are missing, because it was replaced and purged meanwhile, it is called with the next one.
// Otherwise onCurrent is like current.
func (r *Reader) onCurrent(ctx context.Context, p ranking.Period, read func(ranking.Publication) error) (found bool, err error) {
	for last := (id.ID{}); ; {
		current, found, err := r.current(ctx, p)
		if err != nil || !found {
			return found, err
		}
		if err = read(current); !errors.Is(err, ErrSnapshotExpired) || current.Run == last {
			return true, err
		}
		last = current.Run
	}
}

// isCut reports whether a table has only the first ranks.
func isCut(p ranking.Publication) bool { return p.Limit > 0 && p.Rows >= p.Limit }

// current returns the publication that readers see now. If there is none, it reports false
// if nothing was counted, and returns ranking.ErrNotPublished otherwise.
func (r *Reader) current(ctx context.Context, p ranking.Period) (current ranking.Publication, found bool, err error) {
	err = r.DB.View(ctx, func(tx store.Tx) error {
		current, err = tx.Published.Current(ctx, p)
		if found = err == nil; !errors.Is(err, ranking.ErrNotPublished) {
			return err
		}
		return notPublished(ctx, tx, p, err)
	})
	return current, found, err
}

// notPublished returns err if something was counted on the days that have a part in the
// scores of the period: then its ranking is not empty, but unknown. It returns
// ranking.ErrNotKept if it stays unknown.
func notPublished(ctx context.Context, tx store.Tx, p ranking.Period, err error) error {
	first, last := p.Counted()
	changes, failure := tx.Metrics.Changes(ctx, first, last)
	if failure != nil || changes.Sum(first, last) == 0 {
		return failure
	}
	if failure := ranking.CheckKept(ctx, tx.Months, p); failure != nil {
		return failure
	}
	return err
}

// ofRun reads a page of a run. Its rows may have been purged meanwhile. It must not be called
// in a transaction: it waits for others that need a connection.
func (r *Reader) ofRun(ctx context.Context, q Query, s snapshot) (Page, error) {
	run, err := id.Parse(s.Name)
	if err != nil {
		return Page{}, ErrSnapshot
	}
	var entries []ranking.Entry
	if q.BrandID == 0 {
		entries, err = r.rowsOf(ctx, run, q, s.Ranks)
	} else {
		var list fold
		list, err = r.brandOfRun(ctx, run, q.BrandID, s.Ranks)
		entries = list.cut(q)
	}
	if err != nil {
		return Page{}, err
	}
	page := r.page(q, FromTable, s.asOf(), entries)
	page.Complete, page.Snapshot = s.Complete, s.token(q)
	return page, nil
}

// rowsOf reads the entries of a page, and one more if there are any. If rows of the run are
// missing, it returns ErrSnapshotExpired.
func (r *Reader) rowsOf(ctx context.Context, run id.ID, q Query, all int64) (entries []ranking.Entry, err error) {
	err = r.DB.View(ctx, func(tx store.Tx) error {
		rows, err := tx.Published.Rows(ctx, run, q.offset(), q.Size+1)
		if want := max(0, min(q.Size+1, all-q.offset())); err == nil && int64(len(rows)) < want {
			err = ErrSnapshotExpired
		}
		entries = entriesOf(rows)
		return err
	})
	return entries, err
}

// brandOfRun returns the ranking of a brand in a run. Its rows are few of all those of the
// run, so it is kept for a moment.
func (r *Reader) brandOfRun(ctx context.Context, run id.ID, brandID, all int64) (fold, error) {
	return r.runs.get(ctx, runKey{run, brandID}, func(ctx context.Context) (f fold, err error) {
		err = r.DB.Snapshot(ctx, func(tx store.Tx) error {
			rows, err := tx.Published.OfBrand(ctx, run, brandID, 0, Depth)
			f.entries = entriesOf(rows)
			if err != nil {
				return err
			}
			return checkWhole(ctx, tx, run, all)
		})
		return f, err
	})
}

// checkWhole returns ErrSnapshotExpired if a purge has begun at one end of the rows.
func checkWhole(ctx context.Context, tx store.Tx, run id.ID, all int64) error {
	if all == 0 {
		return nil
	}
	for _, offset := range []int64{0, all - 1} {
		rows, err := tx.Published.Rows(ctx, run, offset, 1)
		if err != nil {
			return err
		}
		if len(rows) == 0 || rows[0].Rank != offset+1 {
			return ErrSnapshotExpired
		}
	}
	return nil
}

func entriesOf(rows []ranking.Row) []ranking.Entry {
	entries := make([]ranking.Entry, len(rows))
	for i, row := range rows {
		entries[i] = row.Entry
	}
	return entries
}
