package openloop_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// server takes requests one at a time, each for a millisecond, and stalls for two seconds
// when a run has lasted for one.
type server struct {
	begun time.Time
	turn  chan struct{}
}

func newServer() *server { return &server{time.Now(), make(chan struct{}, 1)} }

func (s *server) serve(ctx context.Context) func() openloop.Judgement {
	s.turn <- struct{}{}
	if at := time.Since(s.begun); at >= time.Second && at < 3*time.Second {
		backoff.Wait(ctx, 3*time.Second-at)
	}
	backoff.Wait(ctx, time.Millisecond)
	<-s.turn
	return func() openloop.Judgement { return openloop.Judgement{} }
}

func ofKind(kind string, send func(context.Context) func() openloop.Judgement) func(*rand.Rand, int) openloop.Request {
	return func(*rand.Rand, int) openloop.Request { return openloop.Request{Kind: kind, Send: send} }
}

func TestAStallShowsInTheTimesFromWhenRequestsWereDue(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 1000} {
		synctest.Test(t, func(t *testing.T) {
			rec := openloop.Run(t.Context(), openloop.Plan{
				Flows: []openloop.Flow{{Rate: 100, Next: ofKind("read", newServer().serve)}},
				Lasts: 10 * time.Second, Patience: time.Minute, AtOnce: connections,
			})
			k := rec.Kind("read")
			// 200 of 1,000 requests are due during the stall, and wait for a second on average.
			if p := k.FromDue.At(90); p < 500*time.Millisecond || k.FromDue.At(99.9) < 1900*time.Millisecond {
				t.Errorf("%d connections: from due p90 %v, p99.9 %v", connections, p, k.FromDue.At(99.9))
			}
			// With one connection, the client sends one request during the stall, and sees one
			// slow answer: coordinated omission.
			if p := k.FromSend.At(99); connections == 1 && p > 2*time.Millisecond {
				t.Errorf("from sent p99 %v", p)
			}
			if least := k.FromDue.At(0); least < time.Millisecond {
				t.Errorf("a request took %v, the server a millisecond", least)
			}
			if late := k.Late.At(99); (late > time.Second) != (connections == 1) {
				t.Errorf("%d connections: requests were sent %v late", connections, late)
			}
		})
	}
}

func TestRequestsArriveAtTheRateAndAtRandom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gaps []float64
		last := time.Now()
		rec := openloop.Run(t.Context(), openloop.Plan{
			Flows: []openloop.Flow{{Rate: 200, Next: ofKind("read", func(context.Context) func() openloop.Judgement {
				gaps = append(gaps, time.Since(last).Seconds())
				last = time.Now()
				return func() openloop.Judgement { return openloop.Judgement{} }
			})}},
			Lasts: 20 * time.Second, Patience: time.Second, AtOnce: 1,
		})
		mean, squares := 0.0, 0.0
		for _, g := range gaps {
			mean += g / float64(len(gaps))
			squares += g * g / float64(len(gaps))
		}
		deviation := math.Sqrt(squares - mean*mean)
		if n := rec.Kind("read").Verdicts.All(); n < 3700 || n > 4300 || deviation/mean < 0.9 || deviation/mean > 1.1 {
			t.Errorf("%d requests in 20 s, a deviation of %.2f of the mean gap", n, deviation/mean)
		}
	})
}

func TestEveryRequestEndsWithinThePatienceOfItsCustomer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) func() openloop.Judgement {
			<-ctx.Done()
			backoff.Wait(t.Context(), 10*time.Second) // a connection that is in use for longer
			return func() openloop.Judgement { return openloop.Judgement{Verdict: openloop.Failed, Why: "no answer"} }
		}
		rec := openloop.Run(t.Context(), openloop.Plan{
			Flows: []openloop.Flow{{Rate: 50, Next: ofKind("read", hangs)}}, Lasts: 2 * time.Second, Patience: 3 * time.Second, AtOnce: 10,
		})
		k := rec.All()
		if n := k.Verdicts[openloop.Failed]; n != k.Verdicts.All() || n < 70 || k.Whys["no answer"] != 10 || len(k.Whys) != 2 {
			t.Errorf("%v, because %v", k.Verdicts, k.Whys)
		}
		if late := k.Late.At(100).Round(100 * time.Millisecond); late != 3*time.Second {
			t.Errorf("a customer gave up after %v", late)
		}
		if k.FromDue.Count() != 0 || k.Goodput(rec.Ran) != 0 {
			t.Error("requests that failed count as good")
		}
	})
}

func TestAnInterruptedRunKeepsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var n atomic.Int64
		rec := openloop.Run(ctx, openloop.Plan{
			Flows: []openloop.Flow{{Rate: 100, Next: ofKind("read", func(ctx context.Context) func() openloop.Judgement {
				if n.Add(1) > 200 {
					<-ctx.Done() // and is given up a moment after the end
				}
				return func() openloop.Judgement { return openloop.Judgement{} }
			})}},
			Lasts: time.Minute, Patience: time.Minute, AtOnce: 1000,
		})
		if k := rec.All(); rec.Ran != 3*time.Second || k.Verdicts[openloop.OK] != 200 || k.Verdicts.All() != 200 {
			t.Errorf("ran %v: %v", rec.Ran, k.Verdicts)
		}
	})
}

func TestSecondsHaveWhatWasDueAndWhatEndedInThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ticks, seen := 0, int64(0)
		rec := openloop.Run(t.Context(), openloop.Plan{
			Flows: []openloop.Flow{{Rate: 100, Next: ofKind("read", newServer().serve)}},
			Lasts: 5 * time.Second, Patience: time.Minute, AtOnce: 1000,
			Tick: func(p openloop.Progress) {
				ticks++
				seen += p.Last.Ended.All()
			},
		})
		var offered, ended int64
		for i, s := range rec.Kind("read").Seconds {
			offered += s.Offered
			ended += s.Ended.All()
			if stalls := i == 1 || i == 2; (s.Ended[openloop.OK] <= 1) != stalls || s.Offered < 60 {
				t.Errorf("second %d: %d due, %v ended", i, s.Offered, s.Ended)
			}
		}
		if all := rec.All().Verdicts.All(); offered != all || ended < all-2 || ticks < 4 || seen > ended {
			t.Errorf("%d due and %d ended of %d; %d ticks", offered, ended, all, ticks)
		}
	})
}

func TestGoodputLeavesOutWhatIsAnsweredAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context) func() openloop.Judgement {
			backoff.Wait(ctx, time.Second)
			return func() openloop.Judgement { return openloop.Judgement{} }
		}
		rec := openloop.Run(t.Context(), openloop.Plan{
			Flows: []openloop.Flow{{Rate: 1000, Next: ofKind("order", slow)}}, Lasts: 2 * time.Second, Patience: time.Minute, AtOnce: 10_000,
		})
		if got := rec.All().Goodput(rec.Ran); got < 450 || got > 550 {
			t.Errorf("half of 1,000 requests per second are answered in time, the goodput is %.0f", got)
		}
	})
}

func TestSaturateSendsTheNextRequestWhenTheOneBeforeIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		takes := func(ctx context.Context) func() openloop.Judgement {
			backoff.Wait(ctx, 10*time.Millisecond)
			return func() openloop.Judgement { return openloop.Judgement{} }
		}
		rec := openloop.Saturate(t.Context(), 4, time.Second, 1, ofKind("read", takes))
		if n := rec.All().Verdicts[openloop.OK]; n != 400 {
			t.Errorf("%d requests", n)
		}
	})
}
