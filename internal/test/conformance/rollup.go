package conformance

import (
	"context"
	"math"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/ranktest"
)

func rollupTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"the ranking of a period is the one that Go adds up":    rollsUpAsGo,
		"ranges of products have all products between them":     rangesCoverAll,
		"ranges that are done add up":                           partsAddUp,
		"the best of all candidates are settled, and no others": candidatesSettled,
		"a checksum differs where a row does":                   checksums,
	}
}

func (s *shop) best(p ranking.Period, w ranking.Schedule, r ranking.Range, limit int64) (rows []ranking.Row, counted int64) {
	s.Helper()
	rows = read(s, func(ctx context.Context, tx store.Tx) (found []ranking.Row, err error) {
		found, counted, err = tx.Rollup.Best(ctx, p, w, r, limit)
		return found, err
	})
	return rows, counted
}

func everything() ranking.Range { return ranking.Range{Last: math.MaxInt64} }

// rollsUpAsGo draws counters, also negative ones, and changes of the weights. The days of
// a case are far from those of the others.
func rollsUpAsGo(s *shop) {
	rapid.Check(s.T, func(t *rapid.T) {
		day := clock.Day(19000101).Add(int(s.serial.Add(1)) * 90)
		schedule, deltas := ranktest.Schedule(t, day), ranktest.Counters(t, day, 40, 32)
		s.count(deltas...)
		for _, kind := range ranking.Kinds() {
			p := ranking.PeriodOf(kind, day)
			want := ranktest.Recount(p, schedule, deltas)
			got, counted := s.best(p, schedule, everything(), 100)
			if !slices.Equal(want, got) {
				t.Fatalf("%s %s: SQL has %+v, Go %+v", kind, p.Key(), got, want)
			}
			if top, _ := s.best(p, schedule, everything(), 1); len(want) > 0 && top[0] != want[0] {
				t.Fatalf("the first of %s is %+v, want %+v", p.Key(), top, want[0])
			}
			first, last := p.Counted()
			for _, c := range deltas {
				if c.Day >= first && c.Day <= last {
					counted--
				}
			}
			if counted != 0 {
				t.Errorf("%d counters too many were read", counted)
			}
		}
	})
}

func rangesCoverAll(s *shop) {
	for pid := range int64(20) {
		s.count(metric.Counters{ProductID: pid + 1, Day: 20251103, Views: 1 + pid})
	}
	p := ranking.PeriodOf(ranking.Weekly, 20251103)
	for n := range 7 {
		var found, counted int64
		for i := range n + 1 {
			rows, c := s.best(p, ranking.NewSchedule(), ranking.RangeOf(i, n+1, 12), 100)
			found += int64(len(rows))
			counted += c
		}
		s.equal([]int64{20, 20}, []int64{found, counted})
	}
	rows, _ := s.best(p, ranking.NewSchedule(), ranking.RangeOf(1, 3, 12), 100)
	s.equal([]int64{8, 7, 6, 5}, []int64{rows[0].ProductID, rows[1].ProductID, rows[2].ProductID, rows[3].ProductID})
}

func partsAddUp(s *shop) {
	w := ranking.Work{Run: s.ids(), Period: ranking.PeriodOf(ranking.Weekly, 20251103)}
	other := ranking.Work{Run: w.Run, Period: ranking.PeriodOf(ranking.Monthly, 20251103)}
	finish := func(w ranking.Work, p ranking.Part) ranking.Part {
		return write(s, func(ctx context.Context, tx store.Tx) (ranking.Part, error) { return tx.Rollup.Finish(ctx, w, p) })
	}
	s.equal(ranking.Part{Done: 1, Changes: 7, Candidates: 3}, finish(w, ranking.Part{Done: 1, Changes: 7, Candidates: 3}))
	s.equal(ranking.Part{Done: 2, Changes: 5, Candidates: 3}, finish(w, ranking.Part{Done: 1, Changes: 5}))
	s.equal(ranking.Part{Done: 3, Changes: 5, Candidates: 5}, finish(w, ranking.Part{Done: 1, Changes: 9, Candidates: 2}))
	s.equal(ranking.Part{Done: 1, Changes: 9}, finish(other, ranking.Part{Done: 1, Changes: 9}))
}

func candidatesSettled(s *shop) {
	w := ranking.Work{Run: s.ids(), Period: ranking.PeriodOf(ranking.Weekly, 20251103)}
	other := ranking.Work{Run: w.Run, Period: ranking.PeriodOf(ranking.Monthly, 20251103)}
	s.queue(func(tx store.Tx) {
		tx.Rollup.Keep(w, ranked(10, 11, 12))
		tx.Rollup.Keep(w, ranked(13, 14))
		tx.Rollup.Keep(other, ranked(15))
		tx.Rollup.Keep(w, nil)
	})
	into := s.ids()
	rows := write(s, func(ctx context.Context, tx store.Tx) (int64, error) { return tx.Rollup.Settle(ctx, w, into, 4, 5) })
	s.equal(int64(4), rows)
	var got []int64
	for i, r := range s.rowsOf(into, 0, 10) {
		got = append(got, r.ProductID)
		s.equal(int64(i)+1, r.Rank)
	}
	s.equal([]int64{13, 10, 14, 11}, got)
	s.equal(int64(1), s.purge(time.Now().Add(ranking.Abandoned+time.Hour), 100)) // of the other work
}

func checksums(s *shop) {
	for pid := range int64(5) {
		s.count(metric.Counters{ProductID: pid + 1, Day: 20251103, Views: 1 + pid/2, Likes: 3, Orders: 1, Quantity: pid, Amount: 5, AmountLog: 6})
	}
	p := s.publication(ranking.Weekly, 20251103, 3)
	right, _ := s.best(p.Period, ranking.NewSchedule(), everything(), 3)
	compare := func(rows []ranking.Row) bool {
		s.Helper()
		p.Run, p.Rows = s.ids(), int64(len(rows))
		s.publish(p, rows)
		var a, b ranking.Checksum
		read(s, func(ctx context.Context, tx store.Tx) (_ bool, err error) {
			a, b, err = tx.Rollup.Compare(ctx, p, ranking.NewSchedule(), 3)
			return true, err
		})
		s.equal([]int64{p.Rows, 3}, []int64{a.Rows, b.Rows})
		return a == b
	}
	s.equal(true, compare(right))
	s.equal(false, compare(right[:2]))
	for n, change := range []func(*ranking.Row){
		func(r *ranking.Row) { r.ProductID += 90 }, func(r *ranking.Row) { r.Score++ }, func(r *ranking.Row) { r.Counters.Views++ },
		func(r *ranking.Row) { r.Counters.Likes++ }, func(r *ranking.Row) { r.Counters.Orders++ },
		func(r *ranking.Row) { r.Counters.Quantity++ }, func(r *ranking.Row) { r.Counters.Amount++ },
		func(r *ranking.Row) { r.Counters.AmountLog++ },
	} {
		for i := range right {
			wrong := slices.Clone(right)
			change(&wrong[i])
			if compare(wrong) {
				s.Errorf("change %d of row %d is not seen", n, i)
			}
		}
	}
	swapped := slices.Clone(right)
	swapped[0].Counters.Quantity, swapped[1].Counters.Quantity = right[1].Counters.Quantity, right[0].Counters.Quantity
	s.equal(false, compare(swapped))
}
