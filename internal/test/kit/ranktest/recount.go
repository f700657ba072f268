// Package ranktest recounts rankings in the plainest way, and runs the jobs that publish
// them, one partition after another.
package ranktest

import (
	"cmp"
	"slices"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Recount returns the ranking of a period that counters give, best first.
func Recount(p ranking.Period, s ranking.Schedule, all []metric.Counters) []ranking.Row {
	products := map[int64][]metric.Counters{}
	for _, c := range all {
		products[c.ProductID] = append(products[c.ProductID], c)
	}
	var rows []ranking.Row
	for pid, counters := range products {
		if row := score(p, s, pid, counters); row.Score > 0 {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b ranking.Row) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.ProductID, a.ProductID))
	})
	for i := range rows {
		rows[i].Rank = int64(i) + 1
	}
	return rows
}

func score(p ranking.Period, s ranking.Schedule, pid int64, counters []metric.Counters) ranking.Row {
	row := ranking.Row{Entry: ranking.Entry{ProductID: pid}, Counters: metric.Counters{ProductID: pid}}
	for _, c := range counters {
		if c.Day >= p.First && c.Day <= p.Last {
			row.Counters = row.Counters.Plus(c)
			row.Score += ranking.Points(s.On(c.Day).Weights.Own(c))
		}
	}
	if p.Kind == ranking.Daily {
		row.Score = ranking.Points(s.Score(p.Last, counters).Live)
	}
	return row
}

// Schedule draws changes of the weights around a day.
func Schedule(t *rapid.T, day clock.Day) ranking.Schedule {
	weight := rapid.Int64Range(0, 2_000)
	days := rapid.SliceOfN(rapid.IntRange(-20, 20), 0, 4).Draw(t, "changes")
	slices.Sort(days)
	var changes []ranking.WeightsChange
	for i, n := range days {
		changes = append(changes, ranking.WeightsChange{ID: int64(i) + 1, At: day.Add(n).Start(), Weights: ranking.Weights{
			View: weight.Draw(t, "view"), Like: weight.Draw(t, "like"), Order: weight.Draw(t, "order"), Carry: weight.Draw(t, "carry"),
		}})
	}
	return ranking.NewSchedule(changes...)
}

// Counters draws counters, also negative ones, of some products on some of the days from
// before days before a day to after days after it.
func Counters(t *rapid.T, day clock.Day, before, after int) (deltas []metric.Counters) {
	amount := rapid.Int64Range(-1_000, 1_000)
	for pid := range rapid.Int64Range(1, 6).Draw(t, "products") {
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(-before, after), 0, 8, rapid.ID).Draw(t, "days") {
			deltas = append(deltas, metric.Counters{
				ProductID: pid + 1, Day: day.Add(n), Views: amount.Draw(t, "views"), Likes: amount.Draw(t, "likes"),
				Orders: amount.Draw(t, "orders"), Quantity: amount.Draw(t, "quantity"), Amount: money.Won(amount.Draw(t, "amount")),
				AmountLog: amount.Draw(t, "log"),
			})
		}
	}
	return deltas
}
