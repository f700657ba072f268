package tallytest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

type handled struct {
	db *DB
	s  *state
}

// Purge implements store.Handled; the tests of a tally do not need it.
func (handled) Purge(context.Context, time.Time, int) (int64, bool, error) {
	return 0, false, errors.ErrUnsupported
}

// Prepare implements store.Handled. All days have room.
func (h handled) Prepare(_ context.Context, days []clock.Day) (left []clock.Day, err error) {
	h.db.prepared = append(h.db.prepared, days...)
	return nil, nil
}

// Marked implements store.Handled; the tests of a tally do not need it.
func (handled) Marked(context.Context, string, []id.ID) ([]id.ID, error) {
	return nil, errors.ErrUnsupported
}

func (h handled) MarkNew(_ string, events []id.ID, _ time.Time) {
	for _, e := range events {
		if h.s.handled[e] {
			h.s.fail(store.ErrHandled)
		}
		h.s.handled[e] = true
	}
	h.s.fail(h.db.step("mark"))
}

func (h handled) Mark(_ context.Context, _ string, events []id.ID, _ time.Time) (fresh []id.ID, err error) {
	for _, e := range events {
		if !h.s.handled[e] {
			h.s.handled[e] = true
			fresh = append(fresh, e)
		}
	}
	return fresh, h.db.step("mark")
}

type likes struct {
	like.Table
	db *DB
	s  *state
}

func (l likes) AddCounts(delta map[int64]int64) {
	for pid, n := range delta {
		if l.s.likes[pid] += n; l.s.likes[pid] == 0 {
			delete(l.s.likes, pid)
		}
	}
	l.s.fail(l.db.step("likes"))
}

type counters struct {
	db *DB
	s  *state
}

func (c counters) Add(deltas []metric.Counters) {
	for _, d := range deltas {
		at := counterKey{d.ProductID, d.Day}
		row := d.Plus(c.s.counters[at])
		row.Version = c.s.counters[at].Version + 1
		c.s.counters[at] = row
	}
	c.s.fail(c.db.step("add"))
}

func (c counters) Of(ctx context.Context, ids []int64, first, last clock.Day) (rows []metric.Counters, err error) {
	err = c.All(ctx, first, last, func(row metric.Counters) error {
		if slices.Contains(ids, row.ProductID) {
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

func (c counters) All(_ context.Context, first, last clock.Day, yield func(metric.Counters) error) error {
	rows := slices.SortedFunc(maps.Values(c.s.counters), func(a, b metric.Counters) int {
		return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.Day, b.Day))
	})
	for _, row := range rows {
		if row.Day < first || row.Day > last {
			continue
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// Changes implements metric.Table: the version of a row counts its changes.
func (c counters) Changes(ctx context.Context, first, last clock.Day) (metric.Changes, error) {
	found := metric.Changes{}
	err := c.All(ctx, first, last, func(row metric.Counters) error { found[row.Day] += row.Version; return nil })
	return found, err
}

type top struct{ counters }

func (t top) Top(ctx context.Context, w ranking.Schedule, day clock.Day, offset, limit int64) ([]ranking.Entry, error) {
	byProduct := make(map[int64][]metric.Counters)
	_ = t.All(ctx, day.Add(-ranking.Window), day, func(c metric.Counters) error {
		byProduct[c.ProductID] = append(byProduct[c.ProductID], c)
		return nil
	})
	var all []ranking.Entry
	for pid, rows := range byProduct {
		if s := w.Score(day, rows); s.Ranked() {
			all = append(all, ranking.Entry{ProductID: pid, Score: ranking.Points(s.Live)})
		}
	}
	slices.SortFunc(all, func(a, b ranking.Entry) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.ProductID, a.ProductID))
	})
	for i := range all {
		all[i].Rank = int64(i) + 1
	}
	n := int64(len(all))
	return all[min(offset, n):min(offset+limit, n)], nil
}

func (t top) Ranks(ctx context.Context, w ranking.Schedule, day clock.Day, productIDs []int64) (map[int64]int64, error) {
	ranks := make(map[int64]int64)
	all, err := t.Top(ctx, w, day, 0, int64(len(t.s.counters)))
	for _, e := range all {
		if slices.Contains(productIDs, e.ProductID) {
			ranks[e.ProductID] = e.Rank
		}
	}
	return ranks, err
}

type weights struct{ s *state }

func (w weights) Changes(context.Context) ([]ranking.WeightsChange, error) { return w.s.weights, nil }

func (w weights) Add(_ context.Context, c ranking.WeightsChange) (int64, error) {
	if n := len(w.s.weights); n > 0 && c.At.Before(w.s.weights[n-1].At) {
		c.At = w.s.weights[n-1].At
	}
	c.ID = int64(len(w.s.weights)) + 1
	w.s.weights = append(w.s.weights, c)
	return c.ID, nil
}
