package rankings

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// topOf returns the first ranks of a day by the weights in force.
func topOf(ctx context.Context, tx store.Tx, day clock.Day, limit int64) ([]ranking.Entry, error) {
	schedule, err := ranking.ReadSchedule(ctx, tx.Weights)
	if err != nil {
		return nil, err
	}
	return tx.Ranking.Top(ctx, schedule, day, 0, limit)
}

// scheduleOf returns the weights in force.
func scheduleOf(ctx context.Context, tx store.Tx) (ranking.Schedule, error) {
	return ranking.ReadSchedule(ctx, tx.Weights)
}
