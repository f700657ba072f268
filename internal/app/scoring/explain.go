package scoring

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Explained is the explanation of a score, with the rank of the product; nil if it has
// none, or if its rank is not at hand: only the live rankings of the last days tell it.
type Explained struct {
	ranking.Explanation

	Rank *int64
}

// Explain explains the score of a product in the period of a kind that a day is in. It
// reads at most one row for each day of the period. It returns product.ErrNotFound for a
// product that does not exist, and ranking.ErrDate for a day in the future.
func (s *Service) Explain(ctx context.Context, kind ranking.Kind, day clock.Day, productID int64) (e Explained, err error) {
	today := clock.DayOf(s.now())
	if day > today {
		return e, ranking.ErrDate.Because("%s is in the future", day)
	}
	period := ranking.PeriodOf(kind, day)
	first, last := period.Counted()
	var schedule ranking.Schedule
	var rows []metric.Counters
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		if _, err = tx.Products.Get(ctx, productID); err != nil {
			return err
		}
		if schedule, err = ranking.ReadSchedule(ctx, tx.Weights); err != nil {
			return err
		}
		rows, err = tx.Metrics.Of(ctx, []int64{productID}, first, last)
		return err
	})
	if err != nil {
		return e, fmt.Errorf("explain the score of product %d: %w", productID, err)
	}
	e.Explanation = schedule.Explain(period, today, productID, rows)
	e.Rank = s.rank(ctx, period, productID)
	return e, nil
}

// rank returns the rank of the product in a live ranking.
func (s *Service) rank(ctx context.Context, p ranking.Period, productID int64) *int64 {
	if p.Kind != ranking.Daily || !s.now().Before(ranking.Expiry(p.First)) {
		return nil
	}
	rank, err := s.ranks.Rank(ctx, p.First, productID)
	if err != nil {
		s.log.DebugContext(ctx, "the rank cannot be read", "day", p.First, "product", productID, "error", err)
	}
	return rank
}
