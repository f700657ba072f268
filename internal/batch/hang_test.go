package batch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// inTime calls test in a bubble, on SQLite.
func inTime(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := storetest.Complete(sqlstore.Options{})
		test(&rig{t, storetest.SQLite(t, o), o.IDs})
	})
}

// task returns a job with a task.
func task(do func(ctx context.Context, report func(batch.Counts) error) error) batch.Job {
	return batch.Job{Name: "taskJob", Plan: func(job.Parameters) ([]batch.Step, error) {
		return []batch.Step{{Name: "count", Task: func(ctx context.Context, _ batch.Chunk, report func(batch.Counts) error) error {
			return do(ctx, report)
		}}}, nil
	}}
}

// The lease is not renewed by a timer beside work that hangs: another process gets its
// turn, even if the work does not hear that its context has ended.
func TestATaskThatDoesNotReportForAMinuteLosesItsLease(t *testing.T) {
	t.Parallel()
	inTime(t, func(r *rig) {
		leave := make(chan struct{})
		hung := r.process("ann", r.db, task(func(context.Context, func(batch.Counts) error) error {
			<-leave
			return nil
		}))
		ended := r.begin(hung, batch.Request{Job: "taskJob"})
		time.Sleep(batch.Patience - time.Second)
		bob := r.process("bob", r.db, task(func(context.Context, func(batch.Counts) error) error { return nil }))
		if _, err := bob.Run(r.Context(), batch.Request{Job: "taskJob"}); !errors.Is(err, job.ErrRunning) {
			r.Errorf("before its minute is over: %v", err)
		}
		time.Sleep(time.Second + store.LeaseTTL)
		r.demand(r.run(bob, batch.Request{Job: "taskJob", Wait: true}), job.Completed)
		close(leave)
		if e := <-ended; e.ExitCode != job.ExitDied {
			r.Errorf("the hung one is %s %s", e.ExitCode, e.Message)
		}
		h := r.history("taskJob")
		if len(h) != 2 || h[0].Status != job.Completed || h[1].ExitCode != job.ExitDied {
			r.Errorf("%+v", h)
		}
	})
}

func TestATaskThatHangsFailsIfItHearsOfIt(t *testing.T) {
	t.Parallel()
	inTime(t, func(r *rig) {
		e := r.run(r.process("ann", r.db, task(func(ctx context.Context, _ func(batch.Counts) error) error {
			<-ctx.Done()
			return ctx.Err()
		})), batch.Request{Job: "taskJob"})
		r.demand(r.stored(e.ID), job.Failed)
		if !strings.Contains(e.Message, "no progress for 1m0s") {
			r.Errorf("the message is %q", e.Message)
		}
	})
}

// Its reports keep it alive, and its counts can be read while it runs.
func TestATaskThatReportsKeepsItsLeaseAndShowsItsCounts(t *testing.T) {
	t.Parallel()
	inTime(t, func(r *rig) {
		p := r.process("ann", r.db, task(func(_ context.Context, report func(batch.Counts) error) error {
			for range 10 {
				time.Sleep(50 * time.Second)
				if err := report(batch.Counts{Read: 1}); err != nil {
					return err
				}
			}
			return report(batch.Counts{Skipped: 1})
		}))
		ended := r.begin(p, batch.Request{Job: "taskJob"})
		time.Sleep(275 * time.Second)
		running := r.history("taskJob")[0]
		if parts := r.partitions(running.Run); parts[0].Read != 5 || parts[0].Status != job.Started {
			r.Errorf("after five reports: %+v", parts)
		}
		if since := time.Since(running.HeartbeatAt); since > 2*time.Second {
			r.Errorf("the last sign of life was %v ago", since)
		}
		e := <-ended
		r.demand(e, job.Completed)
		if parts := r.partitions(e.Run); parts[0].Counts != (job.Counts{Read: 10, Skipped: 1}) {
			r.Errorf("%+v", parts)
		}
	})
}

// Work in which nothing is committed may take longer than the lease lasts.
func TestASlowPartitionerIsNotTakenForDead(t *testing.T) {
	t.Parallel()
	inTime(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 2, chunks: 3}
		def := y.job()
		def.Plan = func(job.Parameters) ([]batch.Step, error) {
			return []batch.Step{{Name: "count", Partitions: func(ctx context.Context, db store.DB) ([]string, error) {
				time.Sleep(50 * time.Second)
				return y.names(ctx, db)
			}, Chunk: y.chunk}}, nil
		}
		ended := r.begin(r.process("ann", r.db, def), batch.Request{Job: "tallyJob"})
		time.Sleep(40 * time.Second)
		if dead, err := r.process("bob", r.db, def).Bury(r.Context()); len(dead) > 0 || err != nil {
			r.Errorf("buried alive: %+v %v", dead, err)
		}
		r.demand(<-ended, job.Completed)
	})
}

// A task is done again from its beginning, but only if its partition is not completed.
func TestARestartedTaskCountsFromItsBeginning(t *testing.T) {
	t.Parallel()
	inTime(t, func(r *rig) {
		calls := map[string]int{}
		def := task(nil)
		def.Plan = func(job.Parameters) ([]batch.Step, error) {
			return []batch.Step{{Name: "count", Partitions: tally{parts: 3}.names, Task: func(_ context.Context, c batch.Chunk, report func(batch.Counts) error) error {
				calls[c.Partition]++
				if err := report(batch.Counts{Read: 4}); err != nil {
					return err
				}
				time.Sleep(time.Second)
				if err := report(batch.Counts{Read: 1}); err != nil || c.Partition != "2" || calls["2"] > 1 {
					return err
				}
				return errors.New("the disk is full")
			}}}, nil
		}
		p := r.process("ann", r.db, def)
		q := batch.Request{Job: "taskJob", Workers: 1}
		r.demand(r.run(p, q), job.Failed)
		e := r.run(p, q)
		r.demand(e, job.Completed)
		if calls["0"] != 1 || calls["1"] != 1 || calls["2"] != 2 {
			r.Errorf("the partitions were done %v times", calls)
		}
		for _, part := range r.partitions(e.Run) {
			if part.Read != 5 {
				r.Errorf("partition %s has read %d, want 5", part.Name, part.Read)
			}
		}
	})
}
