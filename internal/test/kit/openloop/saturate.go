package openloop

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Saturate lets some clients send one request after another, each as soon as the one before
// is answered: a closed loop, which finds how much a server can do. Its times say nothing
// about what customers would see.
func Saturate(ctx context.Context, clients int, lasts time.Duration, seed uint64, next func(rng *rand.Rand, n int) Request) *Recording {
	rec := newRecording(time.Now(), lasts)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(c)))
			for n := c; ctx.Err() == nil; n += clients {
				q := next(rng, n)
				sent := time.Since(rec.Begun)
				if sent >= lasts {
					return
				}
				judge := q.Send(ctx)
				e := entry{kind: q.Kind, due: sent, sent: sent, ended: time.Since(rec.Begun)}
				if e.Judgement = judge(); ctx.Err() == nil {
					rec.add(e)
				}
			}
		})
	}
	all.Wait()
	rec.Ran = min(time.Since(rec.Begun), lasts)
	return rec
}
