package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// shortened makes the gateway as bad as its scenarios say, but sooner.
func shortened() map[string]any {
	return map[string]any{
		"requestDelayMin": "20ms", "requestDelayMax": "100ms", "settleDelayMin": "200ms", "settleDelayMax": "1s",
		"hangLimit": "5s", "callbackLateMin": "500ms", "callbackLateMax": "2s",
	}
}

func cards(ctx context.Context, r *runner, c *crowd, rate float64, lasts time.Duration) (*Result, error) {
	c.misbehave(ctx, "liar")
	halfway, stop := context.WithCancel(ctx)
	defer stop()
	turned := make(chan struct{})
	go func() {
		defer close(turned)
		if backoff.Wait(halfway, lasts/2) {
			c.misbehave(ctx, "flaky")
		}
	}()
	rec := openloop.Run(ctx, r.plan("cards", lasts, openloop.Flow{Rate: rate, Next: func(rng *rand.Rand, _ int) openloop.Request {
		const of, reads = 10, 3
		if rng.IntN(of) < reads {
			return c.detail(rng, c.popular(rng))
		}
		return c.cardOrder(rng)
	}}))
	ctx = context.WithoutCancel(ctx) // what was measured is checked also if it was cut short
	stop()
	<-turned
	r.say("cards: waiting until every payment has ended")
	const settled = 2 * time.Minute
	ended := effect("payments that have not ended, and charges that are too many", "none", "none")
	if err := c.gateway.AwaitSettled(ctx, settled, c.db); err != nil {
		ended = effect(ended.What, err, "none")
	}
	effects := append([]Effect{ended}, c.statuses(ctx)...)
	c.gateway.SetScenario(context.WithoutCancel(ctx), "healthy")
	const errors = 0.001
	return &Result{
		Recording: rec, Effects: append(append(effects, c.kept(ctx)), c.books([]string{"--gateway"}, "GATEWAY_URL="+c.gateway.URL)...),
		Thresholds: thresholds(rec, errors, map[string]time.Duration{"card order": 200 * time.Millisecond, "detail": 50 * time.Millisecond}),
	}, nil
}

// misbehave sets the faults of the gateway.
func (s *shop) misbehave(ctx context.Context, scenario string) {
	ctx = context.WithoutCancel(ctx)
	s.gateway.SetScenario(ctx, scenario)
	s.gateway.SetFaults(ctx, shortened())
}

// cardOrder places an order that a card pays.
func (c *crowd) cardOrder(rng *rand.Rand) openloop.Request {
	want := apiclient.Buy(c.popular(rng), 1)
	types := []string{"SAMSUNG", "KB", "HYUNDAI"}
	want.Card = &apiclient.Card{Type: types[rng.IntN(len(types))], Number: fmt.Sprintf("1234-5678-%04d-%04d", rng.IntN(10_000), rng.IntN(10_000))}
	return c.request("card order", c.buys(c.anyone(rng), want), decoded(http.StatusCreated, c.accepted(c.placed(want))))
}

// statuses checks that every card order has ended in one of the ways that there are.
func (c *crowd) statuses(ctx context.Context) []Effect {
	found := c.db.Column(ctx, `SELECT status || ' ' || COUNT(*) FROM orders WHERE id = ANY ($1::text[]::uuid[]) GROUP BY status ORDER BY status`, c.orders)
	pending := c.db.Count(ctx, `SELECT COUNT(*) FROM orders WHERE status = 'PENDING'`)
	return []Effect{effect(fmt.Sprintf("orders that are still pending (%s)", strings.Join(found, ", ")), pending, 0)}
}
