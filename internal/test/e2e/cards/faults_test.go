package cards_test

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// worstFaults are faults of the gateway besides those of the flaky scenario: it
// sends false callbacks, ignores idempotency keys, and hangs for longer than its
// clients wait.
func worstFaults() map[string]any {
	return map[string]any{
		"callbackWrongAmountRate": 0.1, "callbackWrongStatusRate": 0.1, "callbackUnknownKeyRate": 0.1, "callbackForgeRate": 0.1,
		"ignoreIdempotencyKey": true, "hangLimit": "20s", "callbackLateMax": "10s",
	}
}

// perFault is the time for each fault.
const perFault = 4 * time.Second

// injector kills the APIs in turn, takes the gateway down for a while, and kills the
// gateway.
type injector struct {
	shop  *shop
	rng   *rand.Rand
	kills int           // of APIs
	down  time.Duration // of the gateway
}

func newInjector(s *shop, of seed, kills int, down time.Duration) *injector {
	return &injector{s, of.rng(forFaults), kills, down}
}

// duration returns about how long all faults take.
func (in *injector) duration() time.Duration { return time.Duration(in.kills)*perFault + in.down }

// start starts the faults. It closes the channel when everything runs again.
func (in *injector) start(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range in.kills {
			backoff.Wait(ctx, perFault/2+time.Duration(in.rng.Int64N(int64(perFault))))
			in.kill(ctx, in.shop.apis[i%2])
			switch i {
			case in.kills / 3:
				in.takeDown(ctx)
			case in.kills * 2 / 3:
				in.kill(ctx, in.shop.gateway.Service)
				in.shop.gateway.SetFaults(ctx, worstFaults()) // it has lost them
			}
		}
	}()
	return done
}

func (in *injector) kill(ctx context.Context, p *cluster.Service) {
	in.shop.t.Helper()
	if ctx.Err() != nil {
		return
	}
	down := time.Duration(in.rng.Int64N(int64(2 * time.Second))).Round(time.Millisecond)
	_ = p.Kill(ctx)
	backoff.Wait(ctx, down)
	if err := p.Start(ctx); err != nil {
		in.shop.t.Error(err)
	}
	in.shop.t.Logf("%s was killed, and down for %v", p.Name, down)
}

// takeDown lets the gateway close every connection for a while. It still settles
// and calls back what it has accepted.
func (in *injector) takeDown(ctx context.Context) {
	in.shop.t.Helper()
	in.shop.gateway.SetFaults(ctx, map[string]any{"down": "close"})
	backoff.Wait(ctx, in.down)
	in.shop.gateway.SetFaults(ctx, map[string]any{"down": "no"})
	in.shop.t.Logf("the gateway was down for %v", in.down)
}
