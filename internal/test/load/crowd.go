package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// steps are the offered rates of a sweep, as times of the peak.
var steps = []float64{0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5}

// sweep is what is offered at one rate after another, and what others do meanwhile.
type sweep struct {
	what   string
	next   func(rng *rand.Rand, n int) openloop.Request
	beside openloop.Flow
}

func offered(ctx context.Context, r *runner, c *crowd, rate float64, lasts time.Duration) (*Result, error) {
	const readers, buyers = 50, 20 // per second
	result := &Result{}
	for _, s := range []sweep{
		{
			"orders", func(rng *rand.Rand, _ int) openloop.Request { return c.order(rng, "orders") },
			openloop.Flow{Rate: readers, Next: func(rng *rand.Rand, _ int) openloop.Request { return c.read(rng, "beside") }},
		},
		{
			"reads", func(rng *rand.Rand, _ int) openloop.Request { return c.read(rng, "reads") },
			openloop.Flow{Rate: buyers, Next: func(rng *rand.Rand, _ int) openloop.Request { return c.order(rng, "beside") }},
		},
	} {
		result.Sweeps = append(result.Sweeps, c.sweep(ctx, r, s, rate, lasts/2/time.Duration(len(steps))))
	}
	result.Effects = append([]Effect{c.kept(context.WithoutCancel(ctx))}, c.books(nil)...)
	for _, s := range result.Sweeps {
		result.Thresholds = append(result.Thresholds, s.thresholds()...)
	}
	return result, nil
}

// read reads a detail, a list or a ranking.
func (c *crowd) read(rng *rand.Rand, kind string) openloop.Request {
	const of = 10
	var q openloop.Request
	switch n := rng.IntN(of); {
	case n < 7:
		q = c.detail(rng, c.popular(rng))
	case n < 9:
		q = c.list(rng)
	default:
		q = c.ranking(rng)
	}
	q.Kind = kind
	return q
}

// sweep measures each step. It finds the peak first, unless it is given.
func (c *crowd) sweep(ctx context.Context, r *runner, s sweep, peak float64, each time.Duration) Sweep {
	const clients, patience = 64, 5 * time.Second
	if peak == 0 {
		r.say("crowd: the peak of %s, by %d customers one after another", s.what, clients)
		rec := openloop.Saturate(ctx, clients, max(each, time.Second), r.seed, s.next)
		peak = max(1, rec.All().Goodput(rec.Ran))
		if n := rec.All().Verdicts[openloop.Wrong]; n > 0 {
			c.tb.Errorf("%d answers had wrong content: %s", n, said(rec.All().Whys))
		}
	}
	out := Sweep{What: s.what, Peak: peak}
	for i, times := range steps {
		if ctx.Err() != nil {
			break
		}
		plan := r.plan(fmt.Sprintf("crowd: %s x%g", s.what, times), each, openloop.Flow{Rate: times * peak, Next: s.next}, s.beside)
		plan.Patience, plan.Seed = patience, r.seed+uint64(i)
		rec := openloop.Run(ctx, plan)
		out.Points = append(out.Points, Offer{
			Times: times, Offered: float64(rec.Kind(s.what).Verdicts.All()) / rec.Ran.Seconds(), Flow: rec.Kind(s.what), Beside: rec.Kind("beside"), Ran: rec.Ran,
		})
	}
	return out
}

// thresholds compares a sweep with what a shop should do: refuse the surplus soon, and serve the others.
func (s Sweep) thresholds() (all []Threshold) {
	const most, share = 500 * time.Millisecond, 0.9
	worst, best, last := time.Duration(0), 0.0, 0.0
	for _, o := range s.Points {
		worst = max(worst, o.Flow.FromDue.At(99))
		last = o.Flow.Goodput(o.Ran)
		best = max(best, last)
	}
	if len(s.Points) == 0 {
		return nil
	}
	return []Threshold{
		{"p99 of accepted " + s.What + " at any rate", ms(worst) + " ms", "≤ " + ms(most) + " ms", worst <= most},
		{
			fmt.Sprintf("goodput of %s at %gx the peak", s.What, s.Points[len(s.Points)-1].Times),
			fmt.Sprintf("%.0f /s", last), fmt.Sprintf("≥ %.0f /s", share*best), last >= share*best,
		},
	}
}
