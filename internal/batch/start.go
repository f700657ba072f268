package batch

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Start begins an execution of a job. Do does its work. If the newest execution with
// the same parameters failed, was stopped or died, its run is restarted: what it has
// completed is not done again. Otherwise a new run begins.
//
// Start returns job.ErrRunning if the job runs somewhere, and ErrNoAnswer if the database
// is too slow to tell.
func (r *Runner) Start(ctx context.Context, q Request) (*Run, error) {
	j, err := r.definition(q.Job)
	if err != nil {
		return nil, err
	}
	now := r.config.Clock()
	if q.Parameters, err = complete(j, q.Parameters, now); err != nil {
		return nil, err
	}
	steps, err := checkJob(j, q.Parameters)
	if err != nil {
		return nil, err
	}
	if !r.enter(j.Name) {
		return nil, r.runningError(ctx, j.Name)
	}
	x := &Run{
		runner: r, fresh: j.Fresh, request: q, steps: steps, lease: r.lease(j.Name, r.config.Holder), halt: make(chan struct{}), progressAt: now,
		observer: Observers{r.config.Observer},
	}
	if q.Observer != nil {
		x.observer = append(x.observer, q.Observer)
	}
	if err := x.begin(ctx); err != nil {
		x.lease.Release(ctx)
		r.leave(j.Name)
		return nil, err
	}
	return x, nil
}

// begin takes the lease and stores the execution.
func (x *Run) begin(ctx context.Context) error {
	if err := x.acquire(ctx); err != nil {
		return err
	}
	r, now := x.runner, x.runner.config.Clock()
	given, instance := r.config.IDs(), r.config.IDs()
	var e job.Execution
	var before job.Execution
	err := r.update(ctx, x.lease, x.request.Job, func(tx store.Tx) (err error) {
		e = job.Execution{
			ID: given, Job: x.request.Job, Parameters: x.request.Parameters, Status: job.Starting, StartedBy: x.request.StartedBy,
			Holder: r.config.Holder, Host: r.config.Host, CreatedAt: now, HeartbeatAt: now, Token: x.lease.Token(leaseName(x.request.Job)),
		}
		if x.request.claim != nil {
			if err := x.request.claim(ctx, tx, e.ID); err != nil {
				return err
			}
		}
		if err := buryAll(ctx, tx, e.Job, now); err != nil {
			return err
		}
		if e.Instance, err = tx.Jobs.Instance(ctx, instance, e.Job, e.Parameters, now); err != nil {
			return err
		}
		before, err = tx.Jobs.Latest(ctx, e.Instance)
		if errors.Is(err, job.ErrNotFound) {
			err = nil
		}
		return err
	}, func(tx store.Tx) {
		e.Run, e.RunAt = e.ID, now
		switch {
		case x.fresh:
		case before.Status.Restartable() && x.request.Fresh:
			before.Status = job.Abandoned
			tx.Jobs.Save(before)
		case before.Status.Restartable():
			e.Run, e.RunAt = before.Run, before.RunAt
		}
		tx.Jobs.Save(e)
	})
	x.execution = e
	return err
}

// questions is how often the database is asked for a lease that nobody seems to hold: a
// disk that stalls for a second or two is no reason to refuse a job.
const questions = 3

// acquire takes the lease of the job. With Wait, it waits for a process that seems to have
// died, until the lease runs out and the server has ended an open transaction.
func (x *Run) acquire(ctx context.Context) error {
	r, name := x.runner, x.request.Job
	held, err := x.askPatiently(ctx)
	if held || err != nil {
		return err
	}
	if !x.request.Wait {
		return r.runningError(ctx, name)
	}
	last, err := r.heartbeat(ctx, name)
	if err != nil {
		return err
	}
	for deadline := r.config.Clock().Add(2*store.LeaseTTL + beat); r.config.Clock().Before(deadline); {
		if !backoff.Wait(ctx, beat/4) {
			return context.Cause(ctx)
		}
		x.lease = r.lease(name, r.config.Holder) // a new one asks at once
		if held, err := x.ask(ctx); held || err != nil && !errors.Is(err, ErrNoAnswer) {
			return err
		}
		if now, err := r.heartbeat(ctx, name); err != nil || !now.Equal(last) {
			break // it is alive
		}
	}
	return r.runningError(ctx, name)
}

// askPatiently asks for the lease, and again while the database does not answer in time
// although no execution of the job is active. Where one is, it may be its transaction
// that has confirmed the lease, and is frozen: then the lease is not held.
func (x *Run) askPatiently(ctx context.Context) (held bool, err error) {
	for n := 1; ; n++ {
		held, err = x.ask(ctx)
		if !errors.Is(err, ErrNoAnswer) {
			return held, err
		}
		last, failed := x.runner.heartbeat(ctx, x.request.Job)
		switch {
		case failed != nil:
			return false, failed
		case !last.IsZero():
			return false, nil
		case n == questions:
			return false, err
		}
	}
}

// ask asks for the lease once.
func (x *Run) ask(ctx context.Context) (held bool, err error) {
	err = x.lease.Acquire(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return false, ErrNoAnswer
	}
	return err == nil && x.lease.Holds(leaseName(x.request.Job)), err
}

// heartbeat returns the last sign of life of the active execution of a job.
func (r *Runner) heartbeat(ctx context.Context, name string) (at time.Time, err error) {
	err = r.config.DB.View(ctx, func(tx store.Tx) error {
		active, err := tx.Jobs.Active(ctx)
		for _, e := range active {
			if e.Job == name {
				at = e.HeartbeatAt
			}
		}
		return err
	})
	return at, err
}

// buryAll ends the executions of a job that are active, although the caller holds the
// job's lease: their processes have died.
func buryAll(ctx context.Context, tx store.Tx, name string, now time.Time) error {
	active, err := tx.Jobs.Active(ctx)
	for _, e := range active {
		if e.Job == name {
			bury(tx, e, now)
		}
	}
	return err
}

func bury(tx store.Tx, e job.Execution, now time.Time) {
	e.End(job.Failed, job.ExitDied, "its process ended without a word, or hung: the last sign of life was at "+
		e.HeartbeatAt.In(clock.KST).Format(time.DateTime)+" KST on "+e.Host, now)
	tx.Jobs.Save(e)
}

// Bury ends the executions whose processes have died, and returns them. An execution
// has died if its lease is free.
func (r *Runner) Bury(ctx context.Context) (dead []job.Execution, err error) {
	var active []job.Execution
	err = r.config.DB.View(ctx, func(tx store.Tx) (err error) {
		active, err = tx.Jobs.Active(ctx)
		return err
	})
	for _, e := range active {
		if err != nil || r.runs(e.Job) {
			continue
		}
		var died bool
		if died, err = r.buryOne(ctx, e); died {
			dead = append(dead, e)
		}
	}
	return dead, err
}

// buryOne ends an execution if its lease is free. It asks under a name of its own: under
// the name of a process that lives it would take its lease.
func (r *Runner) buryOne(ctx context.Context, e job.Execution) (died bool, err error) {
	l := r.lease(e.Job, "undertaker."+r.config.IDs().String())
	if err := l.Acquire(ctx); err != nil || !l.Holds(leaseName(e.Job)) {
		return false, err
	}
	defer l.Release(ctx)
	err = r.update(ctx, l, e.Job, func(tx store.Tx) (err error) {
		e, err = tx.Jobs.Find(ctx, e.ID)
		return err
	}, func(tx store.Tx) {
		if died = e.Active(); died {
			bury(tx, e, r.config.Clock())
		}
	})
	return died && err == nil, err
}

// Stop requests the stop of an execution, or of the one that runs of a job. It
// returns what runs, or job.ErrNotRunning.
func (r *Runner) Stop(ctx context.Context, execution id.ID, name string) (e job.Execution, err error) {
	err = r.config.DB.Update(ctx, func(tx store.Tx) error {
		active, err := tx.Jobs.Active(ctx)
		if err != nil {
			return err
		}
		for _, a := range active {
			if a.ID == execution || a.Job == name {
				e = a
				_, err := tx.Progress.RequestStop(ctx, a.ID, r.config.Clock())
				return err
			}
		}
		return job.ErrNotRunning
	})
	return e, err
}
