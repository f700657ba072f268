package load

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// scenario is a crowd with a purpose.
type scenario struct {
	name, about string
	rate        float64 // requests per second, unless RATE says otherwise
	lasts       time.Duration
	run         func(ctx context.Context, r *runner, c *crowd, rate float64, lasts time.Duration) (*Result, error)
}

// scenarios returns all of them, in the order in which they run. The last one leaves the
// most behind.
func scenarios() []scenario {
	return []scenario{
		{
			"browse-like-order", "Customers look around, like and buy: " + mix,
			400, 15 * time.Second, browse,
		},
		{
			"flash-sale", "One product, far more buyers than pieces, all at once. 6 of 10 requests want to buy it, 2 look at it, 2 are orders of other products.",
			300, 10 * time.Second, flashSale,
		},
		{
			"coupon-rush", "One coupon, thousands of customers: 8 of 10 requests want it, each of another customer, and 2 look for it among their coupons. There are enough for a quarter of them.",
			300, 10 * time.Second, couponRush,
		},
		{
			"ranking-storm", "Most requests read pages of today's ranking and many listen to its stream, while views and orders change it: 75 % rankings, 20 % details, 5 % orders.",
			500, 10 * time.Second, rankingStorm,
		},
		{
			"cards", "Orders paid by card. The gateway lies in the first half of the time: false callbacks, broken answers. It is flaky in the second: it hangs, loses callbacks, stores what it refuses.",
			40, 15 * time.Second, cards,
		},
		{
			"crowd", "The offered load rises from 0.25 to 5 times the peak of a closed loop: first orders, with some readers beside them, then reads.",
			0, 32 * time.Second, offered,
		},
	}
}

// plan is what is the same for all scenarios.
func (r *runner) plan(name string, lasts time.Duration, flows ...openloop.Flow) openloop.Plan {
	const patience = 10 * time.Second
	return openloop.Plan{
		Flows: flows, Lasts: lasts, Patience: patience, AtOnce: connections, Seed: r.seed,
		Tick: func(p openloop.Progress) { r.progress(name, p) },
	}
}
