package batch_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

func TestAJobIsDoneOnceAndKeepsItsBooks(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 3, chunks: 4}
		e := r.run(r.process("ann", r.db, y.job()), batch.Request{Job: "tallyJob", StartedBy: "kim"})
		r.demand(e, job.Completed)
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
		stored := r.stored(e.ID)
		r.demand(stored, job.Completed)
		if stored.StartedBy != "kim" || stored.Host != "host of ann" || stored.ExitCode != job.ExitCompleted || stored.StartedAt == nil ||
			stored.EndedAt == nil || stored.Run != e.ID || stored.Parameters.String() != `{"size":"5"}` || stored.Token == 0 {
			r.Errorf("stored: %+v", stored)
		}
		for i, p := range r.partitions(e.Run) {
			want := job.Partition{
				Counts: job.Counts{Read: 8, Written: 4}, Run: e.Run, Step: "count", Name: fmt.Sprint(i), Order: i, Status: job.Completed,
				Position: "4", Execution: e.ID,
			}
			if diff := cmp.Diff(want, p); diff != "" {
				r.Error(diff)
			}
		}
		if steps := r.steps(e.ID); len(steps) != 1 || steps[0].Status != job.Completed || steps[0].Counts != (job.Counts{Read: 24, Written: 12}) {
			r.Errorf("steps: %+v", steps)
		}
	})
}

// spring-batch 5182 and 5157: progress was saved apart from the work. The process is
// killed at any of its transactions, and again at any of those of its restart.
func TestARestartNeitherSkipsNorRepeats(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		var serial int64
		rapid.Check(r.T, func(rt *rapid.T) {
			serial++
			y := tally{
				name: fmt.Sprintf("tally%dJob", serial), base: serial * 10_000,
				parts: rapid.IntRange(0, 5).Draw(rt, "partitions"), chunks: rapid.IntRange(1, 4).Draw(rt, "chunks"),
			}
			q := batch.Request{Job: y.name, Workers: rapid.IntRange(1, 3).Draw(rt, "workers")}
			completed := func() bool {
				h := r.history(y.name)
				return len(h) > 0 && h[0].Status == job.Completed // another run would do it again
			}
			for range rapid.IntRange(1, 3).Draw(rt, "crashes") {
				m := &mortal{DB: r.db, left: rapid.IntRange(1, 10+y.parts*y.chunks).Draw(rt, "transactions"), silent: rapid.Bool().Draw(rt, "silent")}
				if !completed() {
					_, _ = r.process("ann", m, y.job()).Run(r.Context(), q)
				}
			}
			if !completed() {
				r.run(r.process("ann", r.db, y.job()), q)
			}
			e := r.history(y.name)[0]
			r.demand(e, job.Completed)
			if err := y.check(r.Context(), r.db); err != nil {
				rt.Error(err)
			}
			for _, p := range r.partitions(e.Run) {
				if p.Counts != (job.Counts{Read: 2 * int64(y.chunks), Written: int64(y.chunks)}) || p.Status != job.Completed {
					rt.Errorf("%+v", p)
				}
			}
			for _, e := range r.history(y.name) {
				if e.Active() {
					rt.Errorf("%+v is active for ever", e)
				}
			}
		})
	})
}

func TestARestartDoesOnlyWhatIsNotCompleted(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		var broken atomic.Bool
		broken.Store(true)
		y := tally{name: "tallyJob", parts: 3, chunks: 2, before: func(part string, chunk int) error {
			if part == "2" && chunk == 1 && broken.Load() {
				return errors.New("the disk is full")
			}
			return nil
		}}
		p := r.process("ann", r.db, y.job())
		q := batch.Request{Job: "tallyJob", Workers: 1}
		first := r.run(p, q)
		r.demand(first, job.Failed)
		if want := "step count: partition 2: the disk is full"; first.Message != want {
			r.Errorf("the message is %q, want %q", first.Message, want)
		}
		if parts := r.partitions(first.Run); parts[2].Status != job.Failed || parts[2].Position != "1" || !strings.Contains(parts[2].Message, "disk") {
			r.Errorf("%+v", parts[2])
		}
		broken.Store(false)
		second := r.run(p, q)
		r.demand(second, job.Completed)
		if second.Run != first.Run || !second.RunAt.Equal(first.RunAt.Truncate(1000)) {
			r.Errorf("the run %v of %v became %v of %v", first.Run, first.RunAt, second.Run, second.RunAt)
		}
		if steps := r.steps(second.ID); steps[0].Counts != (job.Counts{Read: 2, Written: 1}) {
			r.Errorf("the restart did %+v", steps[0].Counts)
		}
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
		third := r.run(p, q)
		r.demand(third, job.Completed)
		if third.Run == first.Run {
			r.Error("a completed run was restarted")
		}
	})
}
