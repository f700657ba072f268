package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

func jobTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"an instance is a job with its parameters":               jobInstances,
		"an execution is found as it was stored":                 jobStored,
		"a job has one active execution":                         jobActiveOnce,
		"executions are read in pages, newest first":             jobPages,
		"an execution that ends ends its steps and partitions":   jobEnds,
		"a stop request outlives the writes of the execution":    jobStop,
		"partitions keep what a chunk has done, and so do steps": jobAdvance,
		"old executions are purged a few at a time":              jobPurge,
		"a schedule has one due time, and who locks it decides":  jobSchedule,
	}
}

// instance returns the id of an instance.
func (s *shop) instance(name string, p job.Parameters) id.ID {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (id.ID, error) {
		return tx.Jobs.Instance(ctx, s.ids(), name, p, noon())
	})
}

// execution stores an execution of a new run that is active.
func (s *shop) execution(name string, at time.Time) job.Execution {
	s.Helper()
	e := job.Execution{
		ID: id.NewSource(func() time.Time { return at }, zeros{})(), Instance: s.instance(name, job.Parameters{"date": "2025-11-03"}),
		Job: name, Parameters: job.Parameters{"date": "2025-11-03"}, Run: s.ids(), RunAt: at, Status: job.Started, StartedBy: "kim",
		Holder: "ann", Host: "h1", Token: 7, CreatedAt: at, StartedAt: &at, HeartbeatAt: at,
	}
	s.queue(func(tx store.Tx) { tx.Jobs.Save(e) })
	return e
}

// zeros is no source of randomness.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// ended stores an execution that has ended.
func (s *shop) ended(name string, at time.Time) job.Execution {
	s.Helper()
	e := s.execution(name, at)
	e.End(job.Completed, job.ExitCompleted, "", at)
	s.queue(func(tx store.Tx) { tx.Jobs.Save(e) })
	return e
}

func (s *shop) findExecution(execution id.ID) job.Execution {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (job.Execution, error) { return tx.Jobs.Find(ctx, execution) })
}

func jobInstances(s *shop) {
	a := s.instance("aJob", nil)
	b := s.instance("aJob", job.Parameters{"x": "1", "y": "2"})
	s.equal(a, s.instance("aJob", job.Parameters{}))
	s.equal(b, s.instance("aJob", job.Parameters{"y": "2", "x": "1"}))
	s.equal(false, a == b || b == s.instance("aJob", job.Parameters{"x": "1"}) || b == s.instance("bJob", job.Parameters{"x": "1", "y": "2"}))
}

func jobStored(s *shop) {
	e := s.execution("aJob", noon())
	s.equal(e, s.findExecution(e.ID))
	e.End(job.Failed, job.ExitFailed, "the disk is full", noon().Add(time.Second))
	s.queue(func(tx store.Tx) { tx.Jobs.Save(e) })
	s.equal(e, s.findExecution(e.ID))
	s.equal(e, read(s, func(ctx context.Context, tx store.Tx) (job.Execution, error) { return tx.Jobs.Latest(ctx, e.Instance) }))
	s.refuses(job.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Jobs.Find(ctx, s.ids())
		return err
	})
	s.refuses(job.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Jobs.Latest(ctx, s.ids())
		return err
	})
}

func jobActiveOnce(s *shop) {
	s.ended("aJob", noon())
	e, other := s.execution("aJob", noon().Add(time.Second)), s.execution("bJob", noon().Add(time.Minute))
	second := e
	second.ID = s.ids()
	s.refuses(job.ErrRunning, func(_ context.Context, tx store.Tx) error {
		tx.Jobs.Save(second)
		return nil
	})
	active := read(s, func(ctx context.Context, tx store.Tx) ([]job.Execution, error) { return tx.Jobs.Active(ctx) })
	s.equal([]job.Execution{e, other}, active)
}

func jobPages(s *shop) {
	var all []id.ID
	for i := range 5 {
		all = append([]id.ID{s.ended([]string{"aJob", "bJob"}[i%2], noon().Add(time.Duration(i)*time.Second)).ID}, all...)
	}
	page := func(name string, before id.ID, limit int) (ids []id.ID) {
		for _, e := range read(s, func(ctx context.Context, tx store.Tx) ([]job.Execution, error) {
			return tx.Jobs.List(ctx, name, before, limit)
		}) {
			ids = append(ids, e.ID)
		}
		return ids
	}
	s.equal(all, page("", id.ID{}, 9))
	s.equal(all[:2], page("", id.ID{}, 2))
	s.equal(all[2:4], page("", all[1], 2))
	s.equal([]id.ID{all[0], all[2], all[4]}, page("aJob", id.ID{}, 9))
	s.equal([]id.ID{all[2]}, page("aJob", all[0], 1))
	s.equal(0, len(page("cJob", id.ID{}, 9)))
}

func jobSteps(s *shop, e job.Execution) []job.Step {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]job.Step, error) { return tx.Progress.Steps(ctx, e.ID) })
}

func jobParts(s *shop, e job.Execution) []job.Partition {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]job.Partition, error) {
		return tx.Parts.Of(ctx, e.Run, "count")
	})
}

func jobEnds(s *shop) {
	e := s.execution("aJob", noon())
	done, open := job.Step{Execution: e.ID, Name: "load", Status: job.Completed, StartedAt: noon(), EndedAt: e.StartedAt},
		job.Step{Execution: e.ID, Name: "count", Order: 1, Status: job.Started, StartedAt: noon()}
	s.queue(func(tx store.Tx) {
		tx.Progress.SaveStep(done)
		tx.Progress.SaveStep(open)
		tx.Parts.Plan(e.Run, "count", []string{"b", "a"}, e.ID)
		tx.Parts.Advance(job.Partition{Run: e.Run, Step: "count", Name: "b", Status: job.Started, Execution: e.ID}, job.Counts{})
	})
	s.equal([]job.Step{done, open}, jobSteps(s, e))
	completed := read(s, func(ctx context.Context, tx store.Tx) ([]string, error) {
		return tx.Progress.CompletedSteps(ctx, e.Run)
	})
	s.equal([]string{"load"}, completed)
	end := noon().Add(time.Minute)
	e.End(job.Failed, job.ExitDied, "it died", end)
	s.queue(func(tx store.Tx) { tx.Jobs.Save(e) })
	open.Status, open.Message, open.EndedAt = job.Failed, "it died", &end
	s.equal([]job.Step{done, open}, jobSteps(s, e))
	parts := jobParts(s, e)
	s.equal([]job.Status{job.Failed, job.Starting}, []job.Status{parts[0].Status, parts[1].Status})
}

func jobStop(s *shop) {
	e := s.execution("aJob", noon())
	beat := func() bool {
		return write(s, func(ctx context.Context, tx store.Tx) (bool, error) {
			return tx.Progress.Beat(ctx, e.ID, noon().Add(time.Hour))
		})
	}
	stop := func() bool {
		return write(s, func(ctx context.Context, tx store.Tx) (bool, error) {
			return tx.Progress.RequestStop(ctx, e.ID, noon())
		})
	}
	s.equal([]bool{false, true, true}, []bool{beat(), stop(), beat()})
	s.queue(func(tx store.Tx) { tx.Jobs.Save(e) })
	found := s.findExecution(e.ID)
	s.equal(job.Stopping, found.Status)
	s.equal(noon().Add(time.Hour), found.HeartbeatAt)
	e.End(job.Stopped, job.ExitStopped, "", noon())
	s.queue(func(tx store.Tx) { tx.Jobs.Save(e) })
	s.equal(job.Stopped, s.findExecution(e.ID).Status)
	s.equal(false, stop())
}

func jobAdvance(s *shop) {
	e := s.execution("aJob", noon())
	s.queue(func(tx store.Tx) {
		tx.Progress.SaveStep(job.Step{Execution: e.ID, Name: "count", Status: job.Started, StartedAt: noon()})
		tx.Parts.Plan(e.Run, "count", []string{"b", "a"}, e.ID)
		tx.Parts.Plan(e.Run, "empty", nil, e.ID)
	})
	b := job.Partition{Run: e.Run, Step: "count", Name: "b", Status: job.Starting, Execution: e.ID}
	a := job.Partition{Run: e.Run, Step: "count", Name: "a", Order: 1, Status: job.Starting, Execution: e.ID}
	s.equal([]job.Partition{b, a}, jobParts(s, e))
	b.Counts, b.Position, b.Status = job.Counts{Read: 3, Written: 2, Skipped: 1}, "3", job.Started
	a.Counts, a.Position, a.Status = job.Counts{Read: 1, Written: 1}, "1", job.Completed
	s.queue(func(tx store.Tx) {
		tx.Parts.Advance(b, job.Counts{Read: 3, Written: 2, Skipped: 1})
		tx.Parts.Advance(a, job.Counts{Read: 1, Written: 1})
		tx.Parts.Fail(b, "the disk is full")
	})
	b.Status, b.Message = job.Failed, "the disk is full"
	s.equal([]job.Partition{b, a}, jobParts(s, e))
	s.equal(job.Counts{Read: 4, Written: 3, Skipped: 1}, jobSteps(s, e)[0].Counts)
	sums := read(s, func(ctx context.Context, tx store.Tx) ([]job.Summary, error) { return tx.Parts.Summaries(ctx, e.Run) })
	s.equal([]job.Summary{{Step: "count", Partitions: 2, Completed: 1, Counts: job.Counts{Read: 4, Written: 3, Skipped: 1}}}, sums)
}

// A run is kept as long as one of its executions is young, or active.
func jobPurge(s *shop) {
	day := 24 * time.Hour
	old, older, young := s.ended("aJob", noon().Add(-40*day)), s.ended("bJob", noon().Add(-50*day)), s.ended("aJob", noon())
	first := s.ended("cJob", noon().Add(-45*day))
	restart := first
	restart.ID = s.ids()
	s.queue(func(tx store.Tx) {
		tx.Jobs.Save(restart)
		for _, e := range []job.Execution{old, older, first} {
			tx.Progress.SaveStep(job.Step{Execution: e.ID, Name: "count", Status: job.Completed, StartedAt: noon(), EndedAt: e.StartedAt})
			tx.Parts.Plan(e.Run, "count", []string{"a"}, e.ID)
		}
	})
	s.execution("dJob", noon().Add(-60*day)) // it is active
	purge := func(limit int) int64 {
		return write(s, func(ctx context.Context, tx store.Tx) (int64, error) {
			return tx.Jobs.Purge(ctx, noon().Add(-30*day), limit)
		})
	}
	s.equal([]int64{1, 1, 0}, []int64{purge(1), purge(9), purge(9)})
	s.equal([]int{0, 0, 1}, []int{len(jobParts(s, old)), len(jobSteps(s, older)), len(jobParts(s, first))})
	s.equal(young.Instance, s.instance("aJob", young.Parameters))
	s.equal(false, older.Instance == s.instance("bJob", older.Parameters))
}

func jobSchedule(s *shop) {
	lock := func(d job.Due) job.Due {
		return write(s, func(ctx context.Context, tx store.Tx) (job.Due, error) { return tx.Schedule.Lock(ctx, d) })
	}
	first := job.Due{Schedule: "nightly", At: noon()}
	s.equal(first, lock(first))
	s.equal(first, lock(job.Due{Schedule: "nightly", At: noon().Add(time.Hour)}))
	next := job.Due{Schedule: "nightly", At: noon().Add(time.Hour), Execution: s.ids(), Attempts: 1}
	s.queue(func(tx store.Tx) { tx.Schedule.Save(next) })
	s.equal([]job.Due{next}, read(s, func(ctx context.Context, tx store.Tx) ([]job.Due, error) {
		return tx.Schedule.Of(ctx, []string{"nightly", "hourly"})
	}))
	now := read(s, func(ctx context.Context, tx store.Tx) (time.Time, error) { return tx.Schedule.Now(ctx) })
	if time.Since(now).Abs() > time.Minute {
		s.Errorf("the database believes that it is %v", now)
	}
	won := s.atOnce(8, job.ErrRunning, func(ctx context.Context, tx store.Tx, _ int) error {
		d, err := tx.Schedule.Lock(ctx, first)
		if err == nil && d.Attempts == 1 {
			d.Attempts++
			tx.Schedule.Save(d)
			return nil
		}
		return job.ErrRunning
	})
	s.equal(int64(1), won)
}
