// Package openloop sends requests when they are due, like customers who do not know of
// one another: it does not wait for the answers to earlier ones. It measures from the time
// when a request was due. A client that measures from the time of sending, and sends less
// while the server is slow, leaves out the very requests that would have waited: that
// mistake is called coordinated omission. The time from sending is recorded beside it, so
// that both can be compared.
package openloop

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// Verdict says what became of a request.
type Verdict int

// The verdicts, from the best to the worst.
const (
	OK       Verdict = iota // done as asked
	Declined                // rightly answered that it cannot be done: sold out
	Refused                 // not now: the server is busy and says when to come again
	Failed                  // no answer in time, or an error
	Wrong                   // answered, but not with what was asked for
	verdicts
)

// Judgement is a verdict with the reason, unless it is OK.
type Judgement struct {
	Verdict Verdict
	Why     string
}

// Request is one request of a customer.
type Request struct {
	Kind string
	// Send sends it, and returns when the whole answer is there. What it returns judges
	// the answer; its time does not count.
	Send func(ctx context.Context) (judge func() Judgement)
}

// Flow is a stream of requests that arrive at random (a Poisson process).
type Flow struct {
	Rate float64 // requests per second
	Next func(rng *rand.Rand, n int) Request
}

// Plan says which requests to send.
type Plan struct {
	Flows []Flow
	Lasts time.Duration
	// Patience is how long a customer waits for the answer, from when the request was due.
	Patience time.Duration
	// AtOnce is how many requests are under way at most: each has a connection. Others wait
	// for one, and their time runs.
	AtOnce int
	Seed   uint64
	// Tick is called once a second; it may be nil.
	Tick func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Elapsed, Lasts time.Duration
	Due            int64 // requests so far
	UnderWay       int64 // requests that are due and have no answer
	Last           Second
}

// Run sends the requests of a plan, and returns when all have ended. If ctx ends before,
// nothing more is sent, and requests under way are given up after a moment and not counted.
func Run(ctx context.Context, p Plan) *Recording {
	r := newRunner(ctx, p)
	defer r.cut()
	var flows sync.WaitGroup
	for i, f := range p.Flows {
		flows.Go(func() { r.flow(ctx, f, rand.New(rand.NewPCG(p.Seed, uint64(i)))) })
	}
	stop := r.ticks()
	flows.Wait()
	r.rec.Ran = min(time.Since(r.begun), p.Lasts)
	r.all.Wait()
	stop()
	return r.rec
}

// runner is a run under way.
type runner struct {
	plan     Plan
	begun    time.Time
	rec      *Recording
	slots    chan struct{}
	requests context.Context //nolint:containedctx // it ends a moment after that of the run
	cut      func()
	all      sync.WaitGroup

	due, underWay atomic.Int64
}

func newRunner(ctx context.Context, p Plan) *runner {
	const moment = time.Second // for the requests under way
	r := &runner{plan: p, begun: time.Now(), slots: make(chan struct{}, p.AtOnce)}
	r.rec = newRecording(r.begun, p.Lasts)
	requests, end := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() {
		backoff.Wait(requests, moment)
		end()
	})
	r.requests, r.cut = requests, func() { forget(); end() }
	return r
}

// flow starts each request of a flow when it is due. If it is late, it catches up at once:
// what is due stays due.
func (r *runner) flow(ctx context.Context, f Flow, rng *rand.Rand) {
	var last time.Duration
	for n := 0; ; n++ {
		due := last + time.Duration(rng.ExpFloat64()/f.Rate*float64(time.Second))
		last = due
		if due >= r.plan.Lasts {
			backoff.Wait(ctx, time.Until(r.begun.Add(r.plan.Lasts)))
			return
		}
		q := f.Next(rng, n)
		if wait := time.Until(r.begun.Add(due)); wait > 0 && !backoff.Wait(ctx, wait) || ctx.Err() != nil {
			return
		}
		r.due.Add(1)
		r.underWay.Add(1)
		r.all.Go(func() {
			defer r.underWay.Add(-1)
			r.one(q, due)
		})
	}
}

// one waits for a connection, sends a request and records its end.
func (r *runner) one(q Request, due time.Duration) {
	at := r.begun.Add(due)
	ctx, cancel := context.WithDeadline(r.requests, at.Add(r.plan.Patience))
	defer cancel()
	e := entry{kind: q.Kind, due: due}
	select {
	case r.slots <- struct{}{}:
		sent := time.Now()
		judge := q.Send(ctx)
		<-r.slots
		ended := time.Now()
		e.sent, e.ended = sent.Sub(r.begun), ended.Sub(r.begun)
		e.Judgement = judge()
	case <-ctx.Done():
		e.ended = time.Since(r.begun)
		e.sent = e.ended
		e.Judgement = Judgement{Failed, "never sent: all connections were in use for too long"}
	}
	if r.requests.Err() == nil { // else nobody knows what would have become of it
		r.rec.add(e)
	}
}

// ticks calls Tick once a second until stop is called.
func (r *runner) ticks() (stop func()) {
	if r.plan.Tick == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(r.requests)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; backoff.Wait(ctx, time.Until(r.begun.Add(time.Duration(n)*time.Second))); n++ {
			r.plan.Tick(Progress{
				Elapsed: time.Since(r.begun), Lasts: r.plan.Lasts, Due: r.due.Load(), UnderWay: r.underWay.Load(), Last: r.rec.ended(n - 1),
			})
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
