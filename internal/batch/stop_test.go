package batch_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

// During the second chunk somebody stops the execution, or its process.
func TestAnExecutionThatIsStoppedCanBeRestarted(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		for name, stop := range map[string]func(p *batch.Runner, kill func()){
			"by hand":   func(p *batch.Runner, _ func()) { r.stop(p, "tallyJob") },
			"by signal": func(_ *batch.Runner, kill func()) { kill() },
		} {
			y := tally{name: "tallyJob", parts: 1, chunks: 50_000, base: int64(len(name)) * 100_000}
			if name == "by signal" {
				y.chunks = 5
			}
			second := make(chan struct{})
			ctx, kill := context.WithCancel(r.Context())
			var once sync.Once
			y.before = func(_ string, chunk int) error {
				if chunk == 1 {
					once.Do(func() { close(second) })
				}
				if name == "by signal" && chunk >= 1 {
					<-ctx.Done() // else the few chunks might end first
				}
				return nil
			}
			p := r.process("ann", r.db, y.job())
			go func() {
				<-second
				stop(p, kill)
			}()
			e, err := p.Run(ctx, batch.Request{Job: "tallyJob"})
			kill()
			if err != nil {
				r.Fatal(err)
			}
			r.demand(r.stored(e.ID), job.Stopped)
			if e.ExitCode != job.ExitStopped || r.partitions(e.Run)[0].Status != job.Stopped || r.steps(e.ID)[0].Status != job.Stopped {
				r.Errorf("%s: %+v %+v", name, e, r.partitions(e.Run))
			}
			at := r.partitions(e.Run)[0].Read / 2
			y.chunks = int(at) + 2
			again := r.run(r.process("ann", r.db, y.job()), batch.Request{Job: "tallyJob"})
			r.demand(again, job.Completed)
			if done := r.steps(again.ID)[0].Written; done != 2 || again.Run != e.Run {
				r.Errorf("%s: the restart after %d chunks did %d", name, at, done)
			}
		}
	})
}

func (r *rig) stop(p *batch.Runner, name string) {
	if _, err := p.Stop(r.Context(), id.ID{}, name); err != nil {
		r.Error(err)
	}
}

func TestOnlyWhatRunsCanBeStopped(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 1, chunks: 1}
		p := r.process("ann", r.db, y.job())
		e := r.run(p, batch.Request{Job: "tallyJob"})
		if _, err := p.Stop(r.Context(), e.ID, ""); !errors.Is(err, job.ErrNotRunning) {
			r.Errorf("an execution that has ended: %v", err)
		}
	})
}

func TestAJobThatIsUnknownIsRefusedWithTheNamesOfThoseThatExist(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		p := r.process("ann", r.db, tally{name: "tallyJob"}.job(), tally{name: "otherJob"}.job())
		for _, c := range []struct {
			q    batch.Request
			want string
		}{
			{batch.Request{Job: "tally"}, `there is no job "tally"; there are tallyJob, otherJob`},
			{batch.Request{Job: "tallyJob", Parameters: job.Parameters{"colour": "red"}}, `no parameter "colour"; it has day, size`},
			{batch.Request{Job: "tallyJob", Parameters: job.Parameters{"day": "2026-02-30"}}, `"2026-02-30" is no date`},
		} {
			if _, err := p.Run(r.Context(), c.q); err == nil || !strings.Contains(err.Error(), c.want) {
				r.Errorf("%+v: %v", c.q, err)
			}
		}
	})
}
