package load

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// runner runs scenarios and collects their results.
type runner struct {
	options

	seed      uint64
	begun     time.Time
	results   []*Result
	baselines []baseline

	mu     sync.Mutex // of stderr
	stderr io.Writer
}

// say writes what is being done.
func (r *runner) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.stderr, "%6.1fs  %s\n", time.Since(r.begun).Seconds(), fmt.Sprintf(format, args...))
}

// progress writes one line a second.
func (r *runner) progress(name string, p openloop.Progress) {
	if p.Elapsed > p.Lasts+time.Second/2 {
		r.say("%-18s the time is over, %d requests are still under way", name, p.UnderWay)
		return
	}
	ended := p.Last.Ended
	r.say("%-18s %3.0f of %.0f s  %6d/s ok %5d/s declined %5d/s refused %4d failed %4d wrong  %5d under way  p99 %7s ms",
		name, p.Elapsed.Seconds(), p.Lasts.Seconds(), ended[openloop.OK], ended[openloop.Declined], ended[openloop.Refused],
		ended[openloop.Failed], ended[openloop.Wrong], p.UnderWay, ms(p.Last.FromDue.At(99)))
}

// all opens a shop, and runs the chosen scenarios there. ctx ends at Ctrl-C; that of tb does not.
func (r *runner) all(ctx context.Context, tb testing.TB, programs *cluster.Programs) {
	tb.Helper()
	s := open(tb, programs, int64(r.Products.Get()), r.Customers.Get(), r.say)
	if r.Baseline && ctx.Err() == nil {
		r.baselines = r.compare(ctx, s)
	}
	r.run(ctx, s)
	r.say("stopping the programs")
}

// run runs the chosen scenarios until ctx ends.
func (r *runner) run(ctx context.Context, s *shop) {
	s.tb.Helper()
	for _, chosen := range r.scenarios() {
		if ctx.Err() != nil {
			break
		}
		result, err := r.one(ctx, s, chosen)
		if err != nil {
			s.tb.Errorf("%s: %v", chosen.name, err)
			continue
		}
		r.results = append(r.results, result)
	}
}

// one runs a scenario. The effects are checked also if it was interrupted.
func (r *runner) one(ctx context.Context, s *shop, chosen scenario) (*Result, error) {
	rate, lasts := chosen.rate, chosen.lasts
	if given := r.Rate.Get(); given != 0 {
		rate = given
	}
	if r.Duration != 0 {
		lasts = r.Duration
	}
	before, begun := s.used(), time.Now()
	result, err := chosen.run(ctx, r, &crowd{shop: s}, rate, lasts)
	if err != nil {
		return nil, err
	}
	result.Name, result.About, result.Rate, result.Interrupted = chosen.name, chosen.about, rate, ctx.Err() != nil
	result.CPU = shares(before, s.used(), time.Since(begun))
	for _, what := range result.Broken() {
		r.say("%s: %s", chosen.name, what)
	}
	return result, nil
}
