package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

var (
	errStopped = errors.New("batch: the execution was asked to stop")
	errHung    = errors.New("no progress for " + Patience.String())
)

// Run is an execution that this process works on.
type Run struct {
	runner    *Runner
	request   Request
	fresh     bool // as the job is defined
	steps     []Step
	lease     *store.Lease
	execution job.Execution
	observer  Observers

	halt     chan struct{} // closed: no further chunk begins
	haltOnce sync.Once

	mu         sync.Mutex
	progressAt time.Time // of the last sign of progress
}

// Execution returns the execution as it was stored at first.
func (x *Run) Execution() job.Execution { return x.execution }

// Do does the work, and returns the execution as it has ended. If ctx ends, the
// execution is stopped and can be restarted.
func (x *Run) Do(ctx context.Context) job.Execution {
	defer x.runner.leave(x.request.Job)
	defer x.lease.Release(ctx)
	x.log().Info("job started", "run", x.execution.Run, "parameters", x.execution.Parameters)
	work, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		x.keep(work, cancel)
	}()
	err := x.all(work)
	if cause := context.Cause(work); err != nil && ctx.Err() == nil && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	cancel(nil)
	<-kept
	x.end(ctx, err)
	x.observer.Ended(x.execution)
	return x.execution
}

// keep renews the lease and looks for a stop request as long as there is progress. Work
// that hangs loses the lease.
func (x *Run) keep(ctx context.Context, cancel context.CancelCauseFunc) {
	for backoff.Wait(ctx, beat) {
		if x.idle() >= Patience {
			cancel(errHung)
			return
		}
		if err := x.lease.Renew(ctx); err != nil {
			continue // the database is away; each chunk confirms the lease
		}
		if !x.lease.Holds(leaseName(x.request.Job)) {
			cancel(store.ErrLeaseLost)
			return
		}
		if x.beat(ctx) {
			x.stop()
		}
	}
}

// beat stores a sign of life, and reports whether a stop was requested.
func (x *Run) beat(ctx context.Context) (stop bool) {
	ctx, cancel := context.WithTimeout(ctx, store.LeaseTTL)
	defer cancel()
	err := x.runner.config.DB.Update(ctx, func(tx store.Tx) (err error) {
		stop, err = tx.Progress.Beat(ctx, x.execution.ID, x.runner.config.Clock())
		return err
	})
	return stop && err == nil
}

func (x *Run) idle() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.runner.config.Clock().Sub(x.progressAt)
}

func (x *Run) progressed() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.progressAt = x.runner.config.Clock()
}

// stop lets the chunks that run end, and begins no other.
func (x *Run) stop() { x.haltOnce.Do(func() { close(x.halt) }) }

func (x *Run) halted() bool {
	select {
	case <-x.halt:
		return true
	default:
		return false
	}
}

// update is Runner.update for the lease of this execution.
func (x *Run) update(ctx context.Context, fn func(tx store.Tx) error, queue func(tx store.Tx)) error {
	return x.runner.update(ctx, x.lease, x.request.Job, fn, queue)
}

// all does the steps that no earlier execution of the run has completed.
func (x *Run) all(ctx context.Context) error {
	now := x.runner.config.Clock()
	x.execution.Status, x.execution.StartedAt = job.Started, &now
	err := x.update(ctx, nothing, func(tx store.Tx) { tx.Jobs.Save(x.execution) })
	if err != nil {
		return err
	}
	var completed []string
	err = x.runner.config.DB.View(ctx, func(tx store.Tx) (err error) {
		completed, err = tx.Progress.CompletedSteps(ctx, x.execution.Run)
		return err
	})
	if err != nil {
		return err
	}
	for i, s := range x.steps {
		if err := x.step(ctx, i, s, slices.Contains(completed, s.Name)); err != nil {
			return fmt.Errorf("step %s: %w", s.Name, err)
		}
	}
	return nil
}

// end stores how the execution has ended. If another process has taken the lease, it
// stores nothing: the other one has done that.
func (x *Run) end(ctx context.Context, err error) {
	status, code, message := outcome(ctx, err)
	ended := x.execution
	ended.End(status, code, message, x.runner.config.Clock())
	if !errors.Is(err, store.ErrLeaseLost) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), store.LeaseTTL)
		defer cancel()
		failed := x.update(ctx, nothing, func(tx store.Tx) { tx.Jobs.Save(ended) })
		if failed != nil {
			ended.End(job.Failed, job.ExitDied, fmt.Sprintf("its end (%s %s) could not be stored: %v", status, message, failed), *ended.EndedAt)
		}
	}
	x.execution = ended
	say := x.log().Info
	if ended.Status == job.Failed {
		say = x.log().Warn
	}
	say("job ended", "status", ended.Status, "exitCode", ended.ExitCode, "message", ended.Message,
		"took", ended.EndedAt.Sub(ended.CreatedAt).Round(time.Millisecond).String())
}

// outcome says how work ends that returns err.
func outcome(ctx context.Context, err error) (status job.Status, code, message string) {
	switch {
	case err == nil:
		return job.Completed, job.ExitCompleted, ""
	case errors.Is(err, store.ErrLeaseLost):
		return job.Failed, job.ExitDied, "it was silent for too long, and another process has taken over"
	case ctx.Err() != nil:
		return job.Stopped, job.ExitStopped, "its process was stopped"
	case errors.Is(err, errStopped):
		return job.Stopped, job.ExitStopped, "somebody asked it to stop"
	default:
		return job.Failed, job.ExitFailed, err.Error()
	}
}

func (x *Run) log() *slog.Logger {
	return x.runner.config.Log.With("job", x.request.Job, "execution", x.execution.ID)
}
