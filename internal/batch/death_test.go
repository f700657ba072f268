package batch_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// kill runs a tally until its process is killed after some transactions.
func (r *rig) kill(holder string, y tally, transactions int) {
	r.Helper()
	if _, err := r.process(holder, &mortal{DB: r.db, left: transactions}, y.job()).Run(r.Context(), batch.Request{Job: y.name}); err != nil {
		r.Fatal(err)
	}
}

// spring-batch 3127 and 1529: an execution whose process was killed was STARTED for
// ever, and could not be restarted.
func TestAKilledJobIsSeenAsDeadAndRestartsAtOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 2, chunks: 3}
		r.kill("ann", y, 7)
		if h := r.history("tallyJob"); len(h) != 1 || h[0].Status != job.Started {
			r.Fatalf("%+v", h)
		}
		e := r.run(r.process("ann", r.db, y.job()), batch.Request{Job: "tallyJob"}) // under the same name it need not wait
		r.demand(e, job.Completed)
		h := r.history("tallyJob")
		if len(h) != 2 || h[0].Run != h[1].Run || h[1].Status != job.Failed || h[1].ExitCode != job.ExitDied ||
			!strings.HasPrefix(h[1].Message, "its process ended") || !strings.HasSuffix(h[1].Message, "on host of ann") {
			r.Errorf("%+v", h)
		}
		if s := r.steps(h[1].ID); len(s) != 1 || s[0].Status != job.Failed || s[0].EndedAt == nil {
			r.Errorf("the step of the dead execution is %+v", s)
		}
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
	})
}

// Another process, on another host, has to wait until the lease has run out; whoever
// looks at the history then sees that the execution is dead.
func TestAnotherProcessTakesOverWithinTheLifeOfTheLease(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 2, chunks: 3}
		r.kill("ann", y, 7)
		bob := r.process("bob", r.db, y.job())
		if _, err := bob.Run(r.Context(), batch.Request{Job: "tallyJob"}); !errors.Is(err, job.ErrRunning) {
			r.Errorf("before the lease has run out: %v", err)
		}
		if dead, err := bob.Bury(r.Context()); len(dead) != 0 || err != nil {
			r.Errorf("buried alive: %+v %v", dead, err)
		}
		r.demand(r.run(bob, batch.Request{Job: "tallyJob", Wait: true}), job.Completed)
		r.kill("ann", y, 7)
		var dead []job.Execution
		for len(dead) == 0 && r.Context().Err() == nil {
			var err error
			if dead, err = bob.Bury(r.Context()); err != nil {
				r.Fatal(err)
			}
			<-time.After(50 * time.Millisecond)
		}
		if h := r.history("tallyJob"); h[0].ID != dead[0].ID || h[0].ExitCode != job.ExitDied || len(h) != 3 {
			r.Errorf("%+v", h)
		}
	})
}

// What a frozen process wrote before its freeze was committed after that of its
// successor: its transaction must fail.
func TestAFrozenWorkerThatWakesAfterItsSuccessorCannotCommit(t *testing.T) {
	t.Parallel()
	wakesLate(t, false)
}

// The successor has given the lease back, and of the process that wakes the part that
// renews the lease is the first to run.
func TestAFrozenWorkerWhoseLeaseIsFreeWhenItWakesCannotCommit(t *testing.T) {
	t.Parallel()
	wakesLate(t, true)
}

// wakesLate freezes a process, and wakes it when its successor has finished.
func wakesLate(t *testing.T, renewsFirst bool) {
	t.Helper()
	onBothEngines(t, func(r *rig) {
		frozen, wake := make(chan struct{}), make(chan struct{})
		thaw := sync.OnceFunc(func() { close(wake) })
		y := tally{name: "tallyJob", parts: 2, chunks: 3}
		def := y.job()
		gate := &gated{DB: r.db, at: 6, frozen: frozen, wake: wake}
		if renewsFirst {
			gate.renewed = make(chan struct{})
		}
		ended := r.begin(r.process("ann", gate, def), batch.Request{Job: "tallyJob", Workers: 1})
		defer thaw() // also if the test fails: the frozen process holds up its end
		r.await(frozen, ended)
		second := r.run(r.process("ann", r.db, def), batch.Request{Job: "tallyJob"}) // the same name: it need not wait
		r.demand(second, job.Completed)
		thaw()
		first := <-ended
		if first.ExitCode != job.ExitDied || first.Status != job.Failed || !strings.Contains(first.Message, "another process has taken over") {
			r.Errorf("the frozen one thinks that it is %s %s", first.Status, first.Message)
		}
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
		h := r.history("tallyJob")
		if len(h) != 2 || h[0].Status != job.Completed || h[1].ExitCode != job.ExitDied || h[0].Run != h[1].Run {
			r.Errorf("%+v", h)
		}
		if steps := r.steps(second.ID); steps[0].Status != job.Completed {
			r.Errorf("%+v", steps)
		}
	})
}

// gated is a database for a process that is frozen before one of its transactions and,
// as a whole, until it wakes.
type gated struct {
	store.DB

	mu           sync.Mutex
	n, at        int
	frozen, wake chan struct{}

	renewed chan struct{} // closed when the lease was asked for after that; nil: the transaction does not wait
	asked   atomic.Bool
	once    sync.Once
}

// noted notes when leases are asked for.
type noted struct {
	store.LeaseTable

	asked *atomic.Bool
}

func (n noted) Acquire(ctx context.Context, holder string, ttl time.Duration, wanted []store.LeaseTerm) ([]store.LeaseTerm, error) {
	n.asked.Store(true)
	return n.LeaseTable.Acquire(ctx, holder, ttl, wanted)
}

func (g *gated) Update(ctx context.Context, fn func(store.Tx) error) error {
	g.mu.Lock()
	g.n++
	n := g.n
	if n == g.at {
		close(g.frozen)
		<-g.wake
	}
	g.mu.Unlock()
	switch {
	case g.renewed == nil || n < g.at:
		return g.DB.Update(ctx, fn)
	case n == g.at:
		select {
		case <-g.renewed:
		case <-ctx.Done(): // the process knows already that it has lost the lease
		}
		return g.DB.Update(ctx, fn)
	case g.asked.Load():
		g.once.Do(func() { close(g.renewed) })
	}
	return g.DB.Update(ctx, func(tx store.Tx) error {
		tx.Leases = noted{tx.Leases, &g.asked}
		return fn(tx)
	})
}

// spring-batch 4736 and 2031: the partitioner failed, and the step was COMPLETED.
func TestAPartitionerThatFailsLeavesNothingCompleted(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		for name, divide := range map[string]func(context.Context, store.DB) ([]string, error){
			"no list":      func(context.Context, store.DB) ([]string, error) { return nil, errors.New("no list today") },
			"panic: a bug": func(context.Context, store.DB) ([]string, error) { panic("a bug") },
			`"x" is there twice`: func(context.Context, store.DB) ([]string, error) {
				return []string{"x", "y", "x"}, nil
			},
		} {
			y := tally{name: "tallyJob", parts: 2, chunks: 1}
			def := y.job()
			def.Plan = func(job.Parameters) ([]batch.Step, error) {
				return []batch.Step{{Name: "count", Partitions: divide, Chunk: y.chunk}, {Name: "more", Chunk: y.chunk}}, nil
			}
			e := r.run(r.process("ann", r.db, def), batch.Request{Job: "tallyJob", Fresh: true})
			r.demand(e, job.Failed)
			if !strings.Contains(e.Message, name) || !strings.Contains(e.Message, "step count") {
				r.Errorf("the message is %q", e.Message)
			}
			if s := r.steps(e.ID); len(s) != 1 || s[0].Status != job.Failed || !strings.Contains(s[0].Message, name) {
				r.Errorf("the steps are %+v", s)
			}
			if parts := r.partitions(e.Run); len(parts) != 0 {
				r.Errorf("partitions: %+v", parts)
			}
		}
		if h := r.history("tallyJob"); h[1].Status != job.Abandoned || h[2].Status != job.Abandoned {
			r.Errorf("after a fresh run, the failed ones are %s and %s", h[1].Status, h[2].Status)
		}
	})
}

func TestAPanicIsAFailureOfThePartition(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 2, chunks: 2, before: func(part string, _ int) error {
			if part == "1" {
				panic("a bug")
			}
			return nil
		}}
		e := r.run(r.process("ann", r.db, y.job()), batch.Request{Job: "tallyJob", Workers: 1})
		r.demand(e, job.Failed)
		parts := r.partitions(e.Run)
		if e.Message != "step count: partition 1: panic: a bug" || parts[0].Status != job.Completed || parts[1].Status != job.Failed {
			r.Errorf("%q: %+v", e.Message, parts)
		}
	})
}

func TestAJobThatRunsIsRefusedWithWhoAndWhere(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		started, leave := make(chan struct{}), make(chan struct{})
		var once sync.Once
		y := tally{name: "tallyJob", parts: 1, chunks: 1}
		def := y.job()
		def.Plan = func(job.Parameters) ([]batch.Step, error) {
			return []batch.Step{{Name: "wait", Task: func(context.Context, batch.Chunk, func(batch.Counts) error) error {
				once.Do(func() { close(started) })
				<-leave
				return nil
			}}}, nil
		}
		ann := r.process("ann", r.db, def)
		ended := r.begin(ann, batch.Request{Job: "tallyJob", StartedBy: "kim"})
		r.await(started, ended)
		for _, q := range []batch.Request{{Job: "tallyJob"}, {Job: "tallyJob", Wait: true}, {Job: "tallyJob", Parameters: job.Parameters{"day": "today"}}} {
			for _, p := range []*batch.Runner{ann, r.process("bob", r.db, def)} {
				_, err := p.Run(r.Context(), q)
				if !errors.Is(err, job.ErrRunning) || fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "started by kim") {
					r.Errorf("a job that runs: %v", err)
				}
			}
		}
		close(leave)
		r.demand(<-ended, job.Completed)
	})
}
