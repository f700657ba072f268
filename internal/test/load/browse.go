package load

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// mix says what customers do in browse-like-order.
const mix = "50 % product details, 25 % lists, 5 % searches, 8 % rankings, 7 % likes, 3 % orders, 2 % own orders. " +
	"Half of the requests for products are for a few popular ones; two of five viewers are logged in."

func browse(ctx context.Context, r *runner, c *crowd, rate float64, lasts time.Duration) (*Result, error) {
	rec := openloop.Run(ctx, r.plan("browse-like-order", lasts, openloop.Flow{Rate: rate, Next: c.mixed}))
	ctx = context.WithoutCancel(ctx) // what was measured is checked also if it was cut short
	const errors = 0.001
	return &Result{
		Recording: rec, Effects: append([]Effect{c.kept(ctx)}, c.books(nil)...),
		Thresholds: thresholds(rec, errors, map[string]time.Duration{
			"detail": 50 * time.Millisecond, "list": 50 * time.Millisecond, "search": 200 * time.Millisecond, "ranking": 50 * time.Millisecond,
			"like": 100 * time.Millisecond, "order": 200 * time.Millisecond,
		}),
	}, nil
}

// mixed returns a request of the mix.
func (c *crowd) mixed(rng *rand.Rand, _ int) openloop.Request {
	const percent = 100
	switch n := rng.IntN(percent); {
	case n < 50:
		return c.detail(rng, c.popular(rng))
	case n < 75:
		return c.list(rng)
	case n < 80:
		return c.search(rng)
	case n < 88:
		return c.ranking(rng)
	case n < 95:
		return c.like(rng)
	case n < 98:
		return c.order(rng, "order")
	default:
		return c.history(rng)
	}
}
