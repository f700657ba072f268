package batch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// hourly returns a schedule of a tally that is due every hour.
func (r *rig) hourly(name string) batch.Schedule {
	r.Helper()
	w, err := batch.ParseWhen("every 1h")
	if err != nil {
		r.Fatal(err)
	}
	return batch.Schedule{Name: "hourly", Job: name, When: w}
}

func (r *rig) scheduler(p *batch.Runner, schedules ...batch.Schedule) *batch.Scheduler {
	r.Helper()
	s, err := batch.NewScheduler(p, schedules)
	if err != nil {
		r.Fatal(err)
	}
	return s
}

func (r *rig) tick(s *batch.Scheduler) {
	r.Helper()
	if err := s.Tick(r.Context()); err != nil {
		r.Fatal(err)
	}
	s.Wait()
}

// off sets the last due time of the schedule back, as if all schedulers had been off.
func (r *rig) off(e batch.Schedule, hours int) {
	r.Helper()
	err := r.db.Update(r.Context(), func(tx store.Tx) error {
		now, err := tx.Schedule.Now(r.Context())
		if err != nil {
			return err
		}
		at := e.When.Last(now).Add(-time.Duration(hours) * time.Hour)
		if _, err := tx.Schedule.Lock(r.Context(), job.Due{Schedule: e.Name, At: at}); err != nil {
			return err
		}
		tx.Schedule.Save(job.Due{Schedule: e.Name, At: at})
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) executions(want int) []job.Execution {
	r.Helper()
	h := r.history("tallyJob")
	if len(h) != want {
		r.Fatalf("%d executions, want %d: %+v", len(h), want, h)
	}
	return h
}

// asynq 653 and medusa 12373: a job was started by every instance.
func TestManySchedulersStartAJobOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 2, chunks: 2}
		e := r.hourly("tallyJob")
		r.off(e, 1)
		var all sync.WaitGroup
		for i := range 6 {
			s := r.scheduler(r.process(fmt.Sprint("scheduler ", i), r.db, y.job()), e)
			all.Go(func() {
				for range 3 {
					if err := s.Tick(r.Context()); err != nil {
						r.Error(err)
					}
					s.Wait()
				}
			})
		}
		all.Wait()
		h := r.executions(1)
		r.demand(h[0], job.Completed)
		if h[0].StartedBy != "schedule hourly" {
			r.Errorf("started by %q", h[0].StartedBy)
		}
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
	})
}

// overtaken is the database of a scheduler that another one overtakes after it has read
// what is due.
type overtaken struct {
	store.DB

	views int
	then  func()
}

func (o *overtaken) View(ctx context.Context, fn func(store.Tx) error) error {
	err := o.DB.View(ctx, fn)
	o.views++
	if o.views == 2 { // the first one looks for the dead
		o.then()
	}
	return err
}

func TestASchedulerThatWasOvertakenDoesNotStartTheJobAgain(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 1, chunks: 1}
		e := r.hourly("tallyJob")
		r.off(e, 1)
		fast := r.scheduler(r.process("ann", r.db, y.job()), e)
		slow := r.scheduler(r.process("bob", &overtaken{DB: r.db, then: func() { r.tick(fast) }}, y.job()), e)
		r.tick(slow)
		r.demand(r.executions(1)[0], job.Completed)
	})
}

// river 791 and gocron 533: what happens to a due time at which nothing was running is
// a choice.
func TestAMissedRunIsMadeUpForOnceOrSkipped(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 1, chunks: 1}
		makeUp, skip := r.hourly("tallyJob"), r.hourly("tallyJob")
		skip.Name, skip.SkipMissed = "skipping", true
		r.off(makeUp, 5)
		s := r.scheduler(r.process("ann", r.db, y.job()), makeUp)
		r.tick(s)
		r.tick(s)
		r.executions(1)
		r.off(skip, 5)
		now := view(r, func(tx store.Tx) (time.Time, error) { return tx.Schedule.Now(r.Context()) })
		want := 1
		if now.Sub(skip.When.Last(now)) <= time.Minute {
			want = 2 // it is not missed yet
		}
		s = r.scheduler(r.process("ann", r.db, y.job()), skip)
		r.tick(s)
		r.tick(s)
		r.executions(want)
	})
}

func TestANewScheduleHasMissedNothing(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		s := r.scheduler(r.process("ann", r.db, tally{name: "tallyJob", parts: 1, chunks: 1}.job()), r.hourly("tallyJob"))
		r.tick(s)
		r.tick(s)
		r.executions(0)
	})
}

// asynq 842: after a failure the schedule went silent.
func TestAFailedRunIsTriedAtItsNextTime(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		var broken atomic.Bool
		broken.Store(true)
		y := tally{name: "tallyJob", parts: 2, chunks: 2, before: func(part string, _ int) error {
			if part == "1" && broken.Load() {
				return errors.New("the disk is full")
			}
			return nil
		}}
		e := r.hourly("tallyJob")
		s := r.scheduler(r.process("ann", r.db, y.job()), e)
		r.off(e, 1)
		r.tick(s)
		r.tick(s)
		r.demand(r.executions(1)[0], job.Failed)
		broken.Store(false)
		r.off(e, 1)
		r.tick(s)
		h := r.executions(2)
		r.demand(h[0], job.Completed)
		if h[0].Run != h[1].Run {
			r.Error("the run was not restarted")
		}
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
	})
}

func TestAFailedRunIsRetriedSoonerIfTheScheduleSaysSo(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		y := tally{name: "tallyJob", parts: 1, chunks: 1, before: func(string, int) error { return errors.New("the disk is full") }}
		e := r.hourly("tallyJob")
		e.Retry, e.Attempts = time.Nanosecond, 3
		s := r.scheduler(r.process("ann", r.db, y.job()), e)
		r.off(e, 1)
		for range 5 {
			r.tick(s)
		}
		h := r.executions(3)
		if h[0].Run != h[2].Run {
			r.Error("the run was not restarted")
		}
	})
}

// The program is stopped in the middle of a job, for example because there is a new
// version. The next scheduler goes on at once, and does not wait for tomorrow.
func TestAScheduledRunThatASignalStoppedGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		ctx, kill := context.WithCancel(r.Context())
		y := tally{name: "tallyJob", parts: 2, chunks: 3, before: func(part string, chunk int) error {
			if part == "0" && chunk == 1 {
				kill()
			}
			return nil
		}}
		e := r.hourly("tallyJob")
		r.off(e, 1)
		s := r.scheduler(r.process("ann", r.db, y.job()), e)
		if err := s.Run(ctx); err != nil {
			r.Fatal(err)
		}
		r.demand(r.executions(1)[0], job.Stopped)
		r.tick(r.scheduler(r.process("bob", r.db, y.job()), e))
		h := r.executions(2)
		r.demand(h[0], job.Completed)
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
	})
}

func TestAJobThatAnOperatorStoppedIsNotRestartedByTheSchedule(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		e := r.hourly("tallyJob")
		r.off(e, 1)
		var p *batch.Runner
		var once sync.Once
		def := tally{name: "tallyJob"}.job()
		def.Plan = func(job.Parameters) ([]batch.Step, error) {
			return []batch.Step{{Name: "wait", Task: func(ctx context.Context, _ batch.Chunk, _ func(batch.Counts) error) error {
				once.Do(func() {
					if _, err := p.Stop(r.Context(), id.ID{}, "tallyJob"); err != nil {
						r.Error(err)
					}
				})
				<-ctx.Done()
				return ctx.Err()
			}}}, nil
		}
		p = r.process("ann", r.db, def)
		s := r.scheduler(p, e)
		r.tick(s)
		r.tick(s)
		h := r.executions(1)
		r.demand(h[0], job.Stopped)
	})
}

func TestAScheduleDoesNotStartAJobThatStillRuns(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		started, leave := make(chan struct{}), make(chan struct{})
		var once sync.Once
		def := tally{name: "tallyJob"}.job()
		def.Plan = func(job.Parameters) ([]batch.Step, error) {
			return []batch.Step{{Name: "wait", Task: func(context.Context, batch.Chunk, func(batch.Counts) error) error {
				once.Do(func() { close(started) })
				<-leave
				return nil
			}}}, nil
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.demand(r.run(r.process("ann", r.db, def), batch.Request{Job: "tallyJob", Parameters: job.Parameters{"size": "9"}}), job.Completed)
		}()
		<-started
		e := r.hourly("tallyJob")
		r.off(e, 1)
		s := r.scheduler(r.process("bob", r.db, def), e)
		r.tick(s)
		r.executions(1)
		close(leave)
		<-ended
		r.tick(s) // the due time is still open
		r.executions(2)
	})
}

func TestASchedulerRefusesASchedulesMistakes(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(r *rig) {
		p := r.process("ann", r.db, tally{name: "tallyJob"}.job())
		broken := batch.Job{Name: "brokenJob", Parameters: []batch.Parameter{{Name: "days"}}, Plan: func(p job.Parameters) ([]batch.Step, error) {
			return nil, fmt.Errorf("days: %q is no number", p["days"])
		}}
		p2 := r.process("bob", r.db, broken)
		if _, err := batch.NewScheduler(p2, []batch.Schedule{r.hourly("brokenJob")}); err == nil || !strings.Contains(err.Error(), "no number") {
			r.Errorf("parameters that the job cannot be run with: %v", err)
		}
		wrong, strange := r.hourly("otherJob"), r.hourly("tallyJob")
		strange.Parameters = job.Parameters{"colour": "red"}
		for _, all := range [][]batch.Schedule{{wrong}, {strange}, {r.hourly("tallyJob"), r.hourly("tallyJob")}} {
			if _, err := batch.NewScheduler(p, all); err == nil {
				r.Errorf("%+v was accepted", all)
			}
		}
	})
}
