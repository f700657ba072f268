package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

const (
	orderRate = 500 // a second, however long the orders before take
	viewRate  = 4_500
	delayTime = 10 * time.Second
	delayWarm = 2 * time.Second
	delayGoal = 60 * time.Millisecond
)

// BenchmarkDelay measures how long after its commit an order shows in the live ranking,
// without other events and beside views. Each order is of a product that was not bought
// before: it shows as soon as the product is in the ranking.
func BenchmarkDelay(b *testing.B) {
	b.Run("Orders", func(b *testing.B) { benchmarkDelay(b, 0) })
	b.Run("OrdersAndViews", func(b *testing.B) { benchmarkDelay(b, viewRate) })
}

func benchmarkDelay(b *testing.B, views int) {
	b.Helper()
	products := orderRate * int((delayWarm+time.Duration(*rounds)*delayTime)/time.Second)
	s := openDelayShop(b, products+viewedProducts)
	v := newViewer(b, s, int64(products)+1, views)
	for b.Loop() {
		s.sell(b, delayWarm, v)
		all := make([][]delays, *rounds)
		for round := range all {
			all[round] = delaysOf(s.sell(b, delayTime, v))
		}
		reportDelays(b, fmt.Sprintf("%d orders/s and %d views/s, ms", orderRate, views), all)
	}
	v.await(b, s)
	day := clock.DayOf(s.env.Clock())
	s.expect(b, "COUNT(*) FROM orders WHERE status = 'PAID'", s.sold)
	s.expect(b, "COUNT(*) FROM product_metrics WHERE orders = 1", s.sold)
	s.expect(b, "COUNT(*) FROM outbox", 0)
	checkBoard(b, leaderboard.NewVerifier(s.db, s.board, s.env.Clock, s.env.Log), day)
}

// delays are the delays of one kind, of all orders of a round.
type delays struct {
	name string
	goal time.Duration // of p99; 0: none
	of   func(t orderTrace) time.Duration
	took []time.Duration // sorted
}

func delaysOf(trips []orderTrace) []delays {
	kinds := []delays{
		{name: "commit to ranking", goal: delayGoal, of: func(t orderTrace) time.Duration { return t.shown.Sub(t.answered) }},
		{name: "with the transaction", of: func(t orderTrace) time.Duration { return t.shown.Sub(t.at) }},
		{name: "with the whole request", of: func(t orderTrace) time.Duration { return t.shown.Sub(t.due) }},
	}
	for i, k := range kinds {
		for _, t := range trips {
			kinds[i].took = append(kinds[i].took, max(0, k.of(t))) // the relay may be faster than the answer
		}
		slices.Sort(kinds[i].took)
	}
	return kinds
}

// within returns the percentile of the delays.
func (d delays) within(percent int) time.Duration {
	n := len(d.took)
	return d.took[min(n-1, n*percent/100)]
}

// quantiles are the percentiles that are reported.
var quantiles = []struct {
	name    string
	percent int
}{{"p50", 50}, {"p99", 99}, {"max", 100}}

func reportDelays(b *testing.B, title string, all [][]delays) {
	b.Helper()
	rows := [][]string{{title, "p50", "p99", "max", ""}}
	for kind, d := range all[0] {
		row, note := []string{d.name}, ""
		for _, q := range quantiles {
			figures := make([]float64, len(all))
			for i, round := range all {
				figures[i] = milliseconds(round[kind].within(q.percent))
			}
			s := spreadOf(figures)
			row = append(row, fmt.Sprintf("%.1f (%.1f-%.1f)", s.median, s.least, s.most))
			if d.goal > 0 {
				b.ReportMetric(s.median, q.name+"-ms")
			}
			if d.goal > 0 && q.percent == 99 {
				note = verdict(s.median, milliseconds(d.goal))
			}
		}
		rows = append(rows, append(row, note))
	}
	table(b, rows)
	b.ReportMetric(0, "ns/op")
}

func verdict(got, goal float64) string {
	if got > goal {
		return fmt.Sprintf("goal p99 %.0f: MISSED", goal)
	}
	return fmt.Sprintf("goal p99 %.0f: met", goal)
}
