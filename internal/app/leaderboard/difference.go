package leaderboard

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// differences compares the products of some groups one by one.
func (v *verification) differences(ctx context.Context, day clock.Day, in map[uint64]bool) ([]Difference, error) {
	want := scores{make(map[int64]int64), make(map[int64]int64)}
	err := v.eachProduct(ctx, day, day, func(weights ranking.Schedule, rows []metric.Counters) {
		if in[group(rows[0].ProductID)] {
			eachScore(weights.Score(day, rows), want.put)
		}
	})
	if err != nil {
		return nil, err
	}
	var found []Difference
	err = v.eachOnBoard(ctx, day, func(what string, pid, got int64) error {
		if side := want.of(what); in[group(pid)] {
			if score, there := side[pid]; !there || score != got {
				found = append(found, Difference{pid, day, what, value(side, pid), &got})
			}
			delete(side, pid)
		}
		return nil
	})
	for _, what := range []string{own, live} {
		for pid, score := range want.of(what) {
			found = append(found, Difference{pid, day, what, &score, nil})
		}
	}
	slices.SortFunc(found, byProduct)
	return found, err
}

// lasting returns the differences that are still there after some more comparisons.
func (v *verification) lasting(ctx context.Context, day clock.Day, found []Difference) ([]Difference, error) {
	for range retries {
		if len(found) == 0 {
			break
		}
		v.log.DebugContext(ctx, "comparing again the scores that differ", "day", day, "scores", len(found))
		if !backoff.Wait(ctx, interval) {
			return nil, ctx.Err()
		}
		var err error
		if found, err = v.compareAgain(ctx, day, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// scores are those that a board has or should have, by product.
type scores struct{ own, live map[int64]int64 }

func (s scores) of(what string) map[int64]int64 {
	if what == own {
		return s.own
	}
	return s.live
}

func (s scores) put(what string, productID, score int64) { s.of(what)[productID] = score }

// compareAgain reads the products that differed again, from both sides.
func (v *verification) compareAgain(ctx context.Context, day clock.Day, found []Difference) ([]Difference, error) {
	var left []Difference
	for part := range slices.Chunk(found, flushSize) {
		ids := make([]int64, len(part))
		for i, d := range part {
			ids[i] = d.ProductID
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		want, err := v.wantedOf(ctx, day, ids)
		if err != nil {
			return nil, err
		}
		var got scores
		if got.own, got.live, err = v.board.Scores(ctx, day, ids); err != nil {
			return nil, err
		}
		left = append(left, compare(day, want, got)...)
		v.tell()
	}
	return left, nil
}

func (v *verification) wantedOf(ctx context.Context, day clock.Day, ids []int64) (scores, error) {
	byProduct := make(map[int64][]metric.Counters, len(ids))
	var weights ranking.Schedule
	err := v.db.View(ctx, func(tx store.Tx) (err error) {
		if weights, err = ranking.ReadSchedule(ctx, tx.Weights); err != nil {
			return err
		}
		rows, err := tx.Metrics.Of(ctx, ids, day.Add(-ranking.Window), day)
		for _, c := range rows {
			byProduct[c.ProductID] = append(byProduct[c.ProductID], c)
		}
		return err
	})
	want := scores{make(map[int64]int64), make(map[int64]int64)}
	for _, rows := range byProduct {
		eachScore(weights.Score(day, rows), want.put)
	}
	return want, err
}

// compare returns the scores that are not the same on both sides, in order of product.
func compare(day clock.Day, want, got scores) (found []Difference) {
	for _, what := range []string{own, live} {
		all := maps.Clone(want.of(what))
		maps.Copy(all, got.of(what))
		for pid := range all {
			d := Difference{pid, day, what, value(want.of(what), pid), value(got.of(what), pid)}
			if d.Want == nil || d.Got == nil || *d.Want != *d.Got {
				found = append(found, d)
			}
		}
	}
	slices.SortFunc(found, byProduct)
	return found
}

func byProduct(a, b Difference) int {
	return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.What, b.What))
}

func value(m map[int64]int64, pid int64) *int64 {
	v, ok := m[pid]
	if !ok {
		return nil
	}
	return &v
}
