package conformance

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

func monthTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"days become months in chunks, and nothing is lost when a chunk fails": rolledInChunks,
		"a late event makes a day again, which is added to its month":          lateEventRolled,
		"events that arrive while a month is rolled up are counted once":       rolledWhileCounted,
		"months with days are those that have ended":                           monthsEnded,
	}
}

var errCrash = errors.New("crash")

// totals returns the sums of all daily and monthly counters of each product.
func (s *shop) totals(products int64) (sums []metric.Counters) {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]metric.Counters, error) {
		sums := make([]metric.Counters, products+1)
		err := tx.Metrics.All(ctx, 10101, 99991231, func(c metric.Counters) error {
			sums[c.ProductID] = sums[c.ProductID].Plus(c)
			return nil
		})
		for p := int64(1); p <= products && err == nil; p++ {
			for _, m := range []metric.Month{202401, 202402, 202403} {
				var c metric.Counters
				if c, err = tx.Months.Of(ctx, p, m); err != nil {
					return nil, err
				}
				sums[p] = sums[p].Plus(c)
			}
		}
		return sums, err
	})
}

// rolled rolls February 2024 up in chunks; crash says which of them fail before the commit.
func (s *shop) rolled(limit int, crash func() bool) {
	s.Helper()
	for from, done := int64(0), false; !done; {
		var last, moved int64
		err := s.db.Update(s.Context(), func(tx store.Tx) (err error) {
			if last, moved, err = tx.Months.RollUp(s.Context(), 202402, from, limit); err == nil && crash() {
				return errCrash
			}
			return err
		})
		if errors.Is(err, errCrash) {
			continue // the chunk begins again
		}
		if err != nil {
			s.Fatal(err)
		}
		from, done = last, moved < int64(limit)
	}
}

func rolledInChunks(s *shop) {
	const products = 9
	rapid.Check(s.T, func(t *rapid.T) {
		days := rapid.SliceOfN(rapid.IntRange(0, 90), 1, 40).Draw(t, "days")
		for i, d := range days {
			n := int64(i%7 - 3)
			s.count(metric.Counters{
				ProductID: int64(i)%products + 1, Day: clock.Day(20240101).Add(d), Views: 1, Likes: n, Orders: n, Quantity: 2 * n, Amount: 3, AmountLog: n,
			})
		}
		before := s.totals(products)
		limit := rapid.IntRange(1, 20).Draw(t, "rows in a chunk")
		fate := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s.rolled(limit, func() bool { return fate.IntN(2) == 0 })
		s.equal(before, s.totals(products))
		if left := s.dailyOf(202402); len(left) > 0 {
			t.Errorf("days are left: %+v", left)
		}
	})
}

func (s *shop) dailyOf(m metric.Month) (left []metric.Counters) {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (left []metric.Counters, err error) {
		err = tx.Metrics.All(ctx, m.First(), m.Last(), func(c metric.Counters) error { left = append(left, c); return nil })
		return left, err
	})
}

func never() bool { return false }

func lateEventRolled(s *shop) {
	s.count(metric.Counters{ProductID: 1, Day: 20240229, Views: 1}, metric.Counters{ProductID: 1, Day: 20240301, Views: 7})
	s.rolled(5, never)
	s.rolled(5, never)
	s.count(metric.Counters{ProductID: 1, Day: 20240229, Views: 2, Likes: -1})
	s.equal(1, len(s.dailyOf(202402)))
	s.rolled(5, never)
	got := read(s, func(ctx context.Context, tx store.Tx) (metric.Counters, error) { return tx.Months.Of(ctx, 1, 202402) })
	s.equal(metric.Counters{ProductID: 1, Day: 20240201, Views: 3, Likes: -1, Version: 2}, got)
	s.equal(1, len(s.dailyOf(202403)))
	for m, want := range map[metric.Month]bool{202402: true, 202403: false} {
		s.equal(want, read(s, func(ctx context.Context, tx store.Tx) (bool, error) { return tx.Months.Has(ctx, m) }))
	}
}

func rolledWhileCounted(s *shop) {
	const products, rounds = 5, 20
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range rounds {
				var deltas []metric.Counters
				for p := int64(1); p <= products; p++ {
					deltas = append(deltas, metric.Counters{ProductID: p, Day: clock.Day(20240201 + (i+w)%5), Views: 1})
				}
				err := s.db.Update(s.Context(), func(tx store.Tx) error { tx.Metrics.Add(deltas); return nil })
				if err != nil {
					s.Error(err)
				}
			}
		})
	}
	for range 10 {
		s.rolled(3, never)
	}
	writers.Wait()
	for p, sum := range s.totals(products)[1:] {
		if sum.Views != 3*rounds {
			s.Errorf("product %d has %d views, want %d", p+1, sum.Views, 3*rounds)
		}
	}
}

func monthsEnded(s *shop) {
	for _, day := range []clock.Day{20231231, 20240101, 20240131, 20240229, 20240301} {
		s.count(metric.Counters{ProductID: 1, Day: day, Views: 1})
	}
	ended := func(before clock.Day) []metric.Month {
		return read(s, func(ctx context.Context, tx store.Tx) ([]metric.Month, error) { return tx.Months.Ended(ctx, before) })
	}
	s.equal([]metric.Month{202312, 202401}, ended(20240229))
	s.equal([]metric.Month{202312, 202401, 202402}, ended(20240301))
	if got := ended(20231201); !slices.Equal(got, nil) {
		s.Errorf("%v ended before December", got)
	}
}
