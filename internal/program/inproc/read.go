package inproc

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Products returns the products that exist, by SKU.
func (s *Shop) Products(ctx context.Context, skus []string) (map[string]replay.Product, error) {
	products := make(map[string]replay.Product, len(skus))
	err := s.infra.DB.View(ctx, func(tx store.Tx) error {
		known, err := tx.Products.BySKU(ctx, skus)
		if err != nil {
			return err
		}
		ids := make([]int64, 0, len(known))
		for _, pid := range known {
			ids = append(ids, pid)
		}
		found, err := tx.Products.Many(ctx, ids)
		for _, l := range found {
			products[l.SKU] = replay.Product{ID: l.ID, Price: l.Price}
		}
		return err
	})
	return products, err
}

var _ replay.Ranking = (*Shop)(nil)

// Score implements replay.Ranking: the score on the day of the visit, computed from
// the counters in the database. Days that long ago have no board in Redis.
func (s *Shop) Score(ctx context.Context, v replay.Visit, productID int64) (ranking.Points, error) {
	day := clock.DayOf(v.At)
	var rows []metric.Counters
	var weights ranking.Schedule
	err := s.infra.DB.View(ctx, func(tx store.Tx) (err error) {
		if weights, err = ranking.ReadSchedule(ctx, tx.Weights); err != nil {
			return err
		}
		rows, err = tx.Metrics.Of(ctx, []int64{productID}, day.Add(-ranking.Window), day)
		return err
	})
	return ranking.Points(weights.Score(day, rows).Live), err
}

// Reached implements replay.Ranking.
func (s *Shop) Reached(ctx context.Context, v replay.Visit, productID int64, score ranking.Points) (bool, error) {
	now, err := s.Score(ctx, v, productID)
	return now >= score, err
}
