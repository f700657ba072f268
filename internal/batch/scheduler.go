package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Schedule says when a job is run.
type Schedule struct {
	Name       string // unique; the name of its row
	Job        string
	Parameters job.Parameters
	When       When
	// SkipMissed skips a due time at which no scheduler was running. Otherwise the
	// job is run once for all the due times that were missed.
	SkipMissed bool
	// Retry is how long after a failure the run is restarted, Attempts how often it is
	// begun for one due time at most. Without them it is tried at its next due time.
	Retry    time.Duration
	Attempts int
}

const (
	// tick is how often a scheduler looks for due times.
	tick = time.Second
	// missed is how late a start may be without counting as missed.
	missed = time.Minute
	// restarts is how often a run that was interrupted is begun for one due time.
	restarts = 10
)

// errClaimed is returned if another scheduler has dealt with a due time.
var errClaimed = errors.New("batch: another scheduler has dealt with this due time")

// Scheduler starts jobs at their due times. Any number of schedulers may run: each due
// time is dealt with by one of them. They go by the clock of the database.
type Scheduler struct {
	runner    *Runner
	schedules []Schedule
	buried    time.Time
	settled   map[string]id.ID // by schedule: the last execution, if it is known to be completed
	jobs      sync.WaitGroup   // that this scheduler has started
}

// NewScheduler returns a scheduler. It returns an error if a schedule is wrong.
func NewScheduler(r *Runner, schedules []Schedule) (*Scheduler, error) {
	s := &Scheduler{runner: r, settled: map[string]id.ID{}}
	seen := map[string]bool{}
	for _, e := range schedules {
		j, err := r.definition(e.Job)
		if err == nil {
			err = check(j, e.Parameters, r.config.Clock())
		}
		if err == nil && seen[e.Name] {
			err = errors.New("there are two of this name")
		}
		if err != nil {
			return nil, fmt.Errorf("schedule %s: %w", e.Name, err)
		}
		seen[e.Name] = true
		if !e.When.Off() {
			s.schedules = append(s.schedules, e)
		}
	}
	return s, nil
}

// Run starts jobs until ctx ends. Then it stops those that it has started, and returns
// when they have ended.
func (s *Scheduler) Run(ctx context.Context) error {
	defer s.jobs.Wait()
	outage.New(s.runner.config.Log, "start scheduled jobs").Repeat(ctx, tick, s.Tick)
	return nil
}

// Tick ends executions that have died, and starts what is due.
func (s *Scheduler) Tick(ctx context.Context) error {
	if err := s.bury(ctx); err != nil {
		return err
	}
	var now time.Time
	var dealt []job.Due
	err := s.runner.config.DB.View(ctx, func(tx store.Tx) (err error) {
		if now, err = tx.Schedule.Now(ctx); err != nil {
			return err
		}
		dealt, err = tx.Schedule.Of(ctx, s.names())
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range s.schedules {
		failed = append(failed, s.dealWith(ctx, e, now, find(dealt, e.Name)))
	}
	return errors.Join(failed...)
}

func (s *Scheduler) names() (names []string) {
	for _, e := range s.schedules {
		names = append(names, e.Name)
	}
	return names
}

func find(all []job.Due, name string) *job.Due {
	if i := slices.IndexFunc(all, func(d job.Due) bool { return d.Schedule == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// bury ends executions that have died, now and then.
func (s *Scheduler) bury(ctx context.Context) error {
	now := s.runner.config.Clock()
	if now.Sub(s.buried) < store.LeaseTTL {
		return nil
	}
	s.buried = now
	dead, err := s.runner.Bury(ctx)
	for _, e := range dead {
		s.runner.config.Log.Warn("a job has died", "job", e.Job, "execution", e.ID, "host", e.Host)
	}
	return err
}

// dealWith starts the job of a schedule if it is due.
func (s *Scheduler) dealWith(ctx context.Context, e Schedule, now time.Time, last *job.Due) error {
	due := e.When.Last(now)
	switch {
	case last == nil: // a new schedule: nothing was missed
		return s.runner.config.DB.Update(ctx, func(tx store.Tx) error {
			_, err := tx.Schedule.Lock(ctx, job.Due{Schedule: e.Name, At: due})
			return err
		})
	case !due.After(last.At):
		return s.retry(ctx, e, now, *last)
	case e.SkipMissed && now.Sub(due) > missed:
		s.runner.config.Log.Warn("a due time was missed and is skipped", "schedule", e.Name, "due", due)
		return s.claim(ctx, job.Due{Schedule: e.Name, At: due})
	default:
		return s.start(ctx, e, job.Due{Schedule: e.Name, At: due, Attempts: 1})
	}
}

// claim stores that a due time was dealt with, without an execution.
func (s *Scheduler) claim(ctx context.Context, d job.Due) error {
	err := s.runner.config.DB.Update(ctx, func(tx store.Tx) error { return claim(ctx, tx, d) })
	if errors.Is(err, errClaimed) {
		return nil
	}
	return err
}

// claim fails unless d comes after what was dealt with.
func claim(ctx context.Context, tx store.Tx, d job.Due) error {
	last, err := tx.Schedule.Lock(ctx, d)
	if err != nil {
		return err
	}
	if last.At.After(d.At) || last.At.Equal(d.At) && last.Attempts >= d.Attempts {
		return errClaimed
	}
	tx.Schedule.Save(d)
	return nil
}

// start starts the job of a schedule. The due time is claimed in the transaction that
// begins the execution. While the job runs, the due time stays open.
func (s *Scheduler) start(ctx context.Context, e Schedule, d job.Due) error {
	if s.runner.runs(e.Job) {
		return nil
	}
	x, err := s.runner.Start(ctx, Request{
		Job: e.Job, Parameters: e.Parameters, StartedBy: "schedule " + e.Name,
		claim: func(ctx context.Context, tx store.Tx, execution id.ID) error {
			d.Execution = execution
			return claim(ctx, tx, d)
		},
	})
	switch {
	case errors.Is(err, errClaimed), errors.Is(err, job.ErrRunning):
		return nil
	case err != nil && fault.KindOf(err) == fault.Invalid: // the plan refuses the parameters: it would again
		return errors.Join(fmt.Errorf("schedule %s: %w", e.Name, err), s.claim(ctx, d))
	case err != nil:
		return fmt.Errorf("schedule %s: %w", e.Name, err)
	}
	s.jobs.Go(func() { x.Do(ctx) })
	return nil
}

// retry restarts the run of the last due time if that is wanted: at once if its process
// was stopped, some time later if it failed or died.
func (s *Scheduler) retry(ctx context.Context, e Schedule, now time.Time, last job.Due) error {
	done := last.Execution.IsZero() || last.Execution == s.settled[e.Name] || last.Attempts >= max(e.Attempts, restarts)
	if done || s.runner.runs(e.Job) {
		return nil
	}
	var x job.Execution
	err := s.runner.config.DB.View(ctx, func(tx store.Tx) (err error) {
		x, err = tx.Jobs.Find(ctx, last.Execution)
		return err
	})
	if errors.Is(err, job.ErrNotFound) { // it was purged
		return nil
	}
	if err == nil && x.Status == job.Completed {
		s.settled[e.Name] = x.ID
	}
	if err != nil || !e.wantsRetry(x, now, last.Attempts) {
		return err
	}
	last.Attempts++
	e.Parameters = x.Parameters // today may be another day by now
	return s.start(ctx, e, last)
}

// wantsRetry reports whether an execution that was begun for a due time is to be
// restarted now.
func (e Schedule) wantsRetry(x job.Execution, now time.Time, attempts int) bool {
	switch {
	case x.Active() || !x.Status.Restartable():
		return false
	case x.Status == job.Stopped:
		return x.StopRequested == nil // by a signal, for example because the program was updated
	default:
		return e.Retry > 0 && attempts < e.Attempts && now.Sub(*x.EndedAt) >= e.Retry
	}
}
