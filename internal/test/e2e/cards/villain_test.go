package cards_test

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// stormy is what the gateway does beside all that a flaky one does: it lies in
// callbacks, knows no idempotency keys, and hangs for longer than anybody waits.
var stormy = map[string]any{
	"callbackWrongAmountRate": 0.1, "callbackWrongStatusRate": 0.1, "callbackUnknownKeyRate": 0.1, "callbackForgeRate": 0.1,
	"ignoreIdempotencyKey": true, "hangLimit": "20s", "callbackLateMax": "10s",
}

// perBlow is how much time there is for each blow.
const perBlow = 4 * time.Second

// villain kills one API and then the other, again and again; has the gateway
// vanish for a while, and kills that too.
type villain struct {
	shop  *shop
	dice  *rand.Rand
	kills int // of APIs
	down  time.Duration
}

func newVillain(s *shop, l luck, kills int, down time.Duration) *villain {
	return &villain{s, l.dice(luckOfVillain), kills, down}
}

// takes is how long it all takes, about.
func (v *villain) takes() time.Duration { return time.Duration(v.kills)*perBlow + v.down }

// loose lets the villain loose; the channel is closed when everybody is back.
func (v *villain) loose(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range v.kills {
			backoff.Wait(ctx, perBlow/2+time.Duration(v.dice.Int64N(int64(perBlow))))
			v.kill(ctx, v.shop.apis[i%2])
			switch i {
			case v.kills / 3:
				v.vanish(ctx)
			case v.kills * 2 / 3:
				v.kill(ctx, v.shop.gateway.server)
				v.shop.gateway.Change(ctx, stormy) // it forgot what it was told
			}
		}
	}()
	return done
}

func (v *villain) kill(ctx context.Context, whom *server) {
	v.shop.t.Helper()
	if ctx.Err() != nil {
		return
	}
	down := time.Duration(v.dice.Int64N(int64(2 * time.Second))).Round(time.Millisecond)
	_ = whom.Kill(ctx)
	backoff.Wait(ctx, down)
	if err := whom.Start(ctx); err != nil {
		v.shop.t.Error(err)
	}
	v.shop.t.Logf("%s was killed, and was away for %v", whom.Name, down)
}

// vanish has the gateway close every connection for a while. What it accepted
// settles all the same, and is called back.
func (v *villain) vanish(ctx context.Context) {
	v.shop.t.Helper()
	v.shop.gateway.Change(ctx, map[string]any{"down": "close"})
	backoff.Wait(ctx, v.down)
	v.shop.gateway.Change(ctx, map[string]any{"down": "no"})
	v.shop.t.Logf("the gateway was away for %v", v.down)
}
