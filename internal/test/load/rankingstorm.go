package load

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

func rankingStorm(ctx context.Context, r *runner, c *crowd, rate float64, lasts time.Duration) (*Result, error) {
	const listeners = 200
	listening := c.listen(ctx, listeners)
	rec := openloop.Run(ctx, r.plan("ranking-storm", lasts, openloop.Flow{Rate: rate, Next: func(rng *rand.Rand, _ int) openloop.Request {
		const percent = 100
		switch n := rng.IntN(percent); {
		case n < 75:
			return c.ranking(rng)
		case n < 95:
			return c.detail(rng, 1+rng.Int64N(min(ranked, c.products)/2)) // which are in the ranking already
		default:
			return c.order(rng, "order")
		}
	}}))
	ctx = context.WithoutCancel(ctx) // what was measured is checked also if it was cut short
	effects := append(listening.end(), c.kept(ctx))
	const errors = 0.001
	return &Result{
		Recording: rec, Effects: append(effects, c.books(nil)...),
		Thresholds: append(thresholds(rec, errors, map[string]time.Duration{
			"ranking": 50 * time.Millisecond, "detail": 50 * time.Millisecond, "order": 200 * time.Millisecond,
		}), listening.threshold()),
	}, nil
}
