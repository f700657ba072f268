package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

func (s *shop) count(deltas ...metric.Counters) {
	s.Helper()
	s.queue(func(tx store.Tx) { tx.Metrics.Add(deltas) })
}

func metricTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"counters begin at zero, add up and grow in version":               countersAddUp,
		"all counters of some days come in order, until an error of yield": countersInOrder,
		"the ranking that SQL reads is the one that Go folds":              foldsAsGo,
		"a ranking has pages":             rankingPages,
		"each change of a day is counted": changesCounted,
	}
}

// counters returns the counters of 2 and 3 November. It stops after the given number
// of rows; 0 means never.
func (s *shop) counters(stop int) (got []metric.Counters) {
	s.Helper()
	enough := errors.New("enough")
	err := s.db.View(s.Context(), func(tx store.Tx) error {
		return tx.Metrics.All(s.Context(), 20251102, 20251103, func(c metric.Counters) error {
			if got = append(got, c); len(got) == stop {
				return enough
			}
			return nil
		})
	})
	if (stop > 0) != errors.Is(err, enough) || stop == 0 && err != nil {
		s.Fatalf("all counters: %v", err)
	}
	return got
}

func (s *shop) top(w ranking.Schedule, day clock.Day, offset, limit int64) []ranking.Entry {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]ranking.Entry, error) {
		return tx.Ranking.Top(ctx, w, day, offset, limit)
	})
}

// foldsAlike draws counters, also negative ones, and weights, and compares the whole
// ranking. The days of a case are far from those of the others.
func foldsAlike(s *shop, t *rapid.T) {
	day := clock.Day(19000101).Add(int(s.serial.Add(1)) * 20)
	amount := rapid.Int64Range(-1_000, 1_000)
	w := drawSchedule(t, day)
	var want []ranking.Entry
	var deltas []metric.Counters
	for pid := range rapid.Int64Range(1, 4).Draw(t, "products") {
		var rows []metric.Counters
		for _, back := range rapid.SliceOfNDistinct(rapid.IntRange(-1, 9), 0, 6, rapid.ID).Draw(t, fmt.Sprint("days of ", pid)) {
			rows = append(rows, metric.Counters{
				ProductID: pid + 1, Day: day.Add(-back), Views: amount.Draw(t, "views"), Likes: amount.Draw(t, "likes"),
				Amount: money.Won(1), AmountLog: amount.Draw(t, "log"),
			})
		}
		deltas = append(deltas, rows...)
		if score := w.Score(day, rows); score.Ranked() {
			want = append(want, ranking.Entry{ProductID: pid + 1, Score: ranking.Points(score.Live)})
		}
	}
	s.count(deltas...)
	sortEntries(want)
	if got := s.top(w, day, 0, 100); !slices.Equal(want, got) {
		t.Fatalf("with %+v on %s SQL reads %v, Go folds %v", w, day, got, want)
	}
	s.ranksAlike(t, w, day, want)
}

// drawSchedule draws changes of weights about a day.
func drawSchedule(t *rapid.T, day clock.Day) ranking.Schedule {
	weight := rapid.Int64Range(0, 2_000)
	var changes []ranking.WeightsChange
	at := day.Add(-10).Start()
	for n := range rapid.Int64Range(0, 6).Draw(t, "changes") {
		at = at.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, "hours later")) * time.Hour)
		changes = append(changes, ranking.WeightsChange{ID: n + 1, At: at, Weights: ranking.Weights{
			View: weight.Draw(t, "view"), Like: weight.Draw(t, "like"), Order: weight.Draw(t, "order"), Carry: weight.Draw(t, "carry"),
		}})
	}
	return ranking.NewSchedule(changes...)
}

// ranksAlike compares the ranks of some products with those of the whole ranking.
func (s *shop) ranksAlike(t *rapid.T, w ranking.Schedule, day clock.Day, all []ranking.Entry) {
	ids := rapid.SliceOfDistinct(rapid.Int64Range(1, 6), rapid.ID).Draw(t, "products to find")
	want := map[int64]int64{}
	for _, e := range all {
		if slices.Contains(ids, e.ProductID) {
			want[e.ProductID] = e.Rank
		}
	}
	got := read(s, func(ctx context.Context, tx store.Tx) (map[int64]int64, error) {
		return tx.Ranking.Ranks(ctx, w, day, ids)
	})
	if !maps.Equal(want, got) {
		t.Fatalf("the ranks of %v are %v, want %v", ids, got, want)
	}
}

// sortEntries sorts by score and then by product, and numbers the ranks.
func sortEntries(want []ranking.Entry) {
	slices.SortFunc(want, func(a, b ranking.Entry) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.ProductID, a.ProductID))
	})
	for i := range want {
		want[i].Rank = int64(i) + 1
	}
}

func countersAddUp(s *shop) {
	full := metric.Counters{
		ProductID: 1, Day: 20251103, Views: 1, Likes: -2, Orders: 3, Quantity: 4, Amount: 5, AmountLog: 6,
	}
	other := metric.Counters{ProductID: 2, Day: 20251103, Views: 9}
	s.count(full, other)
	s.count(full)
	s.count(full.Minus(), metric.Counters{ProductID: 1, Day: 20251104, Likes: 1})
	s.count()
	got := read(s, func(ctx context.Context, tx store.Tx) ([]metric.Counters, error) {
		return tx.Metrics.Of(ctx, []int64{1, 2, 99}, 20251103, 20251103)
	})
	full.Version, other.Version = 3, 1
	s.equal([]metric.Counters{full, other}, got)
}

func countersInOrder(s *shop) {
	var want []metric.Counters
	for pid := range int64(3) {
		for day := clock.Day(20251101); day <= 20251104; day++ {
			c := metric.Counters{ProductID: 3 - pid, Day: day, Views: pid, Version: 1}
			s.count(c)
			if day >= 20251102 && day <= 20251103 {
				want = append(want, c)
			}
		}
	}
	slices.SortFunc(want, func(a, b metric.Counters) int {
		return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.Day, b.Day))
	})
	s.equal(want, s.counters(0))
	s.equal(want[:2], s.counters(2))
}

func foldsAsGo(s *shop) {
	rapid.Check(s.T, func(t *rapid.T) { foldsAlike(s, t) })
}

func rankingPages(s *shop) {
	for pid := range int64(5) {
		s.count(metric.Counters{ProductID: pid + 1, Day: 20251103, Views: 1 + pid/2})
	}
	s.count(metric.Counters{ProductID: 6, Day: 20251103, Likes: 1}, metric.Counters{ProductID: 6, Day: 20251102, Likes: -20})
	top := func(offset, limit int64) []ranking.Entry {
		return s.top(ranking.NewSchedule(), 20251103, offset, limit)
	}
	s.equal([]ranking.Entry{
		{Rank: 1, ProductID: 5, Score: 300_000}, {Rank: 2, ProductID: 4, Score: 200_000}, {Rank: 3, ProductID: 3, Score: 200_000},
	}, top(0, 3))
	s.equal([]ranking.Entry{{Rank: 4, ProductID: 2, Score: 100_000}, {Rank: 5, ProductID: 1, Score: 100_000}}, top(3, 3))
	s.equal(0, len(top(6, 3)))
}

func changesCounted(s *shop) {
	at := func(pid int64, day clock.Day) metric.Counters {
		return metric.Counters{ProductID: pid, Day: day, Views: 1}
	}
	changes := func(first, last clock.Day) metric.Changes {
		return read(s, func(ctx context.Context, tx store.Tx) (metric.Changes, error) {
			return tx.Metrics.Changes(ctx, first, last)
		})
	}
	s.equal(metric.Changes{}, changes(20251101, 20251130))
	s.count(at(1, 20251103), at(2, 20251103), at(1, 20251104))
	s.count(at(2, 20251103))
	s.count(at(18, 20251103), at(1, 20251105))
	s.count()
	all := changes(20251101, 20251130)
	s.equal(metric.Changes{20251103: 3, 20251104: 1, 20251105: 1}, all)
	s.equal(metric.Changes{20251104: 1}, changes(20251104, 20251104))
	s.equal([]int64{5, 2, 0}, []int64{all.Sum(20251103, 20251105), all.Sum(20251104, 20251231), all.Sum(20251106, 20251231)})
}
