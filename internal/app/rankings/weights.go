package rankings

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// topOf returns the first ranks of a day by the weights in force.
func topOf(ctx context.Context, tx store.Tx, day clock.Day, limit int64) ([]ranking.Entry, error) {
	return tx.Ranking.Top(ctx, ranking.DefaultWeights(), day, 0, limit)
}

// schedule returns the weights in force.
func schedule() ranking.Schedule { return ranking.NewSchedule() }
