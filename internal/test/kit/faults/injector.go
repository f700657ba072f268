package faults

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// Process can be killed and started again.
type Process interface {
	Kill(ctx context.Context) error
	Start(ctx context.Context) error
}

// Target is what faults happen to, one after another.
type Target struct {
	Process

	mu sync.Mutex
}

// Injector injects the faults of a schedule.
type Injector struct {
	TB       testing.TB
	Targets  map[string]*Target
	Faults   []Fault                  // by At
	Resolve  func(name string) string // returns the name of a target; nil: faults name targets
	Database string                   // the target without which programs do not start

	running sync.WaitGroup
	mu      sync.Mutex
	started int         // this many of the faults
	done    map[Act]int // how often each act was done
}

// Reached starts the faults that are due when the test has done n things.
func (in *Injector) Reached(ctx context.Context, n int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.started < len(in.Faults) && in.Faults[in.started].At <= n {
		f := in.Faults[in.started]
		in.started++
		in.running.Go(func() { in.inject(ctx, f) })
	}
}

// Wait waits until all faults that were started are over.
func (in *Injector) Wait() { in.running.Wait() }

// Done returns how often an act was done.
func (in *Injector) Done(act Act) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.done[act]
}

func (in *Injector) inject(ctx context.Context, f Fault) {
	backoff.Wait(ctx, f.Delay)
	name := f.To
	if in.Resolve != nil {
		name = in.Resolve(name)
	}
	to := in.Targets[name]
	to.mu.Lock()
	defer to.mu.Unlock()
	began := time.Now()
	if err := in.act(ctx, to, f); err != nil && ctx.Err() == nil {
		in.TB.Errorf("%s (%s): %v", f, name, err)
		return
	}
	in.TB.Logf("%s: %s, which took %v", f, name, time.Since(began).Round(time.Millisecond))
}

func (in *Injector) act(ctx context.Context, to *Target, f Fault) error {
	switch f.Act {
	case Kill:
		return in.kill(ctx, to, f.Down)
	case Join:
		in.count(Join)
		return in.start(ctx, to)
	case Freeze, Leave:
	}
	p, ok := to.Process.(*cluster.Program)
	if !ok {
		return fmt.Errorf("a %T cannot be stopped", to.Process)
	}
	if f.Act == Leave {
		p.Stop()
		in.count(Leave)
		return nil
	}
	return in.freeze(ctx, p, f.Down)
}

func (in *Injector) kill(ctx context.Context, to *Target, down time.Duration) error {
	if err := to.Kill(ctx); err != nil {
		return err
	}
	in.count(Kill)
	backoff.Wait(ctx, down)
	return in.start(ctx, to)
}

func (in *Injector) start(ctx context.Context, to *Target) error {
	if _, ok := to.Process.(*cluster.Program); ok && in.Database != "" {
		database := in.Targets[in.Database]
		database.mu.Lock()
		defer database.mu.Unlock()
	}
	return to.Start(ctx)
}

func (in *Injector) freeze(ctx context.Context, p *cluster.Program, down time.Duration) error {
	if err := p.Freeze(); err != nil {
		return err
	}
	in.count(Freeze)
	backoff.Wait(ctx, down)
	return p.Thaw()
}

func (in *Injector) count(act Act) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.done == nil {
		in.done = map[Act]int{}
	}
	in.done[act]++
}
