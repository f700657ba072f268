package bench_test

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// check fails the benchmark unless every event was counted once, and the ranking shows it.
func (r *tallyBench) check(b *testing.B, count *tally.Tally) {
	b.Helper()
	if fresh, repeated := count.Counted(); fresh != eventCount || repeated != 0 {
		b.Fatalf("%d events were counted and %d met again, of %d", fresh, repeated, eventCount)
	}
	rows, err := r.admin.Query(b.Context(), `
		SELECT product_id, SUM(views)::bigint, SUM(likes)::bigint, SUM(orders)::bigint,
			SUM(quantity)::bigint, SUM(amount)::bigint, SUM(amount_log)::bigint FROM product_metrics GROUP BY product_id`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var c metric.Counters
		if err := rows.Scan(&c.ProductID, &c.Views, &c.Likes, &c.Orders, &c.Quantity, &c.Amount, &c.AmountLog); err != nil {
			b.Fatal(err)
		}
		if want := r.events.counts[c.ProductID]; c != want {
			b.Fatalf("counted %+v, want %+v", c, want)
		}
	}
	if err := rows.Err(); err != nil || n != len(r.events.counts) {
		b.Fatalf("%d products were counted, want %d (%v)", n, len(r.events.counts), err)
	}
	r.expect(b, "COUNT(*) FROM "+marksOf(clock.DayOf(r.env.Clock())), eventCount+r.filled)
	r.expect(b, "COUNT(*) FROM (SELECT SUM(m.likes) AS likes, p.like_count FROM product_metrics m "+
		"JOIN product_likes p ON p.product_id = m.product_id GROUP BY p.product_id) t WHERE likes <> like_count", 0)
	checkBoard(b, leaderboard.NewVerifier(r.streamer, r.board, r.env.Clock, r.env.Log), clock.DayOf(r.env.Clock()))
}

func (s *orderShop) expect(b *testing.B, what string, want int64) {
	b.Helper()
	var got int64
	if err := s.admin.QueryRow(b.Context(), "SELECT "+what).Scan(&got); err != nil {
		b.Fatal(err)
	}
	if got != want {
		b.Fatalf("%s is %d, want %d", what, got, want)
	}
}

// checkBoard fails the benchmark unless the ranking agrees with the counters.
func checkBoard(b *testing.B, v *leaderboard.Verifier, day clock.Day) {
	b.Helper()
	found, err := v.Verify(b.Context(), []clock.Day{day}, nil)
	if err != nil {
		b.Fatal(err)
	}
	if len(found.Differences) > 0 || len(found.Days) != 1 || found.Compared == 0 {
		b.Fatalf("board and counters differ: %+v", found)
	}
}
