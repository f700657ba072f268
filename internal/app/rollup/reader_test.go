package rollup_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// A week is published again and again. In the n-th ranking, each product has n views. So
// a reader sees whether rows are missing, and whether they are of different rankings.
func TestReadersNeverSeeARankingThatIsHalfDone(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *env) {
		t.Helper()
		const products, rankings = 30, 15
		week := ranking.PeriodOf(ranking.Weekly, today)
		var one []metric.Counters
		for pid := range int64(products) {
			one = append(one, metric.Counters{ProductID: pid + 1, Day: today, Views: 1})
		}
		publish := func() {
			s.count(one...)
			s.run(rollup.WeeklyMonthlyJob, job.Parameters{"date": today.String(), "ranges": "3"})
			s.purge(s.clock()) // nothing: what readers read is kept for a while
		}
		publish()
		var reads atomic.Int64
		ended := make(chan struct{})
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-ended:
						return
					default:
						s.readsAll(t, week, products)
						reads.Add(1)
					}
				}
			})
		}
		for range rankings {
			publish()
		}
		close(ended)
		readers.Wait()
		t.Logf("%d reads beside %d rankings", reads.Load(), rankings)
		if reads.Load() < rankings {
			t.Errorf("only %d reads", reads.Load())
		}
	})
}

// readsAll reads a ranking in pages, as a reader does whose pages are apart in time.
func (s *env) readsAll(t *testing.T, p ranking.Period, products int) {
	t.Helper()
	var rows []ranking.Row
	err := s.db.View(t.Context(), func(tx store.Tx) error {
		c, err := tx.Published.Current(t.Context(), p)
		for offset := int64(0); err == nil && offset < int64(products); offset += 10 {
			var page []ranking.Row
			page, err = tx.Published.Rows(t.Context(), c.Run, offset, 10)
			rows = append(rows, page...)
		}
		if c.Rows != int64(products) {
			t.Errorf("a ranking of %d rows", c.Rows)
		}
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	mixed := slices.ContainsFunc(rows, func(r ranking.Row) bool { return r.Counters.Views != rows[0].Counters.Views })
	if len(rows) != products || mixed {
		t.Errorf("%d rows, mixed %v", len(rows), mixed)
	}
}
