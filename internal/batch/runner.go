package batch

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Errors of a start.
var (
	ErrUnknownJob = fault.New(fault.NotFound, "JOB_UNKNOWN", "there is no such job")
	ErrParameters = fault.New(fault.Invalid, "JOB_PARAMETERS", "the parameters of the job are wrong")
	ErrNoAnswer   = fault.New(fault.Unavailable, "DATABASE_SLOW", "the database does not answer in time: look at its load and its disk, and try again")
)

const (
	// Patience is how long a job may work without a sign of progress: a chunk that is
	// committed, or a report of a task.
	Patience = time.Minute
	// beat is how often a job renews its lease and looks for a stop request.
	beat = store.LeaseTTL / 5
	// defaultWorkers is how many partitions a process works on at the same time.
	defaultWorkers = 2
)

// Config is what a Runner is made of.
type Config struct {
	DB   store.DB
	Jobs []Job
	// Holder is the holder of the leases. It is unique to the process.
	Holder string
	Host   string // for people who look for the process
	Clock  clock.Clock
	IDs    id.Source
	Random backoff.Random
	Log    *slog.Logger
	// Observer hears what all executions do; it may be nil.
	Observer Observer
}

// Runner runs jobs, one execution of each at a time, whatever the number of processes.
type Runner struct {
	config Config

	mu      sync.Mutex
	running map[string]bool // the jobs that this process runs
}

// New returns a runner.
func New(c Config) *Runner {
	if c.Observer == nil {
		c.Observer = Observers{}
	}
	return &Runner{config: c, running: map[string]bool{}}
}

// Jobs returns the definitions of the jobs.
func (r *Runner) Jobs() []Job { return slices.Clone(r.config.Jobs) }

// Request says what to run.
type Request struct {
	Job        string
	Parameters job.Parameters
	Workers    int  // partitions at the same time; 0: the default
	Fresh      bool // begin a new run even if the last one can be restarted
	StartedBy  string
	// Wait lets Start wait for the end of a process that has died but whose lease has
	// not run out yet.
	Wait     bool
	Observer Observer // of this execution; may be nil

	// claim runs in the transaction that begins the execution. If it fails, nothing
	// begins.
	claim func(ctx context.Context, tx store.Tx, execution id.ID) error
}

// definition returns a job, or ErrUnknownJob with the names of those that exist.
func (r *Runner) definition(name string) (Job, error) {
	for _, j := range r.config.Jobs {
		if j.Name == name {
			return j, nil
		}
	}
	var names []string
	for _, j := range r.config.Jobs {
		names = append(names, j.Name)
	}
	return Job{}, ErrUnknownJob.Because("there is no job %q; there are %s", name, strings.Join(names, ", "))
}

// enter reserves a job for this process; false if the process runs it already.
func (r *Runner) enter(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[name] {
		return false
	}
	r.running[name] = true
	return true
}

func (r *Runner) leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, name)
}

func (r *Runner) runs(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[name]
}

// lease returns the lease of a job.
func (r *Runner) lease(name, holder string) *store.Lease {
	return store.NewLease(store.LeaseConfig{
		DB: r.config.DB, Names: []string{leaseName(name)}, Holder: holder, Clock: r.config.Clock, OneTerm: true,
		Log: slog.New(slog.DiscardHandler), // the runner logs what an operator wants to know
	})
}

func leaseName(job string) string { return "job:" + job }

// update runs fn in a transaction that commits only while the lease is held. fn reads
// and writes; then the lease is confirmed; then queue queues writes. So the lease is
// locked only until the commit.
func (r *Runner) update(ctx context.Context, l *store.Lease, name string, fn func(tx store.Tx) error, queue func(tx store.Tx)) error {
	return r.config.DB.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if err := l.Confirm(ctx, tx, leaseName(name)); err != nil {
			return err
		}
		queue(tx)
		return nil
	})
}

func nothing(store.Tx) error { return nil }

// Run starts a job and returns its execution when it has ended. An error means that
// it was not started.
func (r *Runner) Run(ctx context.Context, q Request) (job.Execution, error) {
	started, err := r.Start(ctx, q)
	if err != nil {
		return job.Execution{}, err
	}
	return started.Do(ctx), nil
}

// runningError says which execution runs.
func (r *Runner) runningError(ctx context.Context, name string) error {
	var active []job.Execution
	err := r.config.DB.View(ctx, func(tx store.Tx) (err error) {
		active, err = tx.Jobs.Active(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range active {
		if e.Job == name {
			return job.ErrRunning.Because("%s is running since %s: execution %s on %s, started by %s",
				name, e.CreatedAt.In(clock.KST).Format(time.DateTime), e.ID, e.Host, cmp.Or(e.StartedBy, "nobody"))
		}
	}
	return job.ErrRunning.Because("%s is running, or was a moment ago; try again", name)
}

// checkJob returns the steps of a job for its parameters, which are checked.
func checkJob(j Job, p job.Parameters) (steps []Step, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			err = fmt.Errorf("plan the job %s: panic: %v", j.Name, bug)
		}
	}()
	if steps, err = j.Plan(p); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, s := range steps {
		if s.Name == "" || names[s.Name] || (s.Chunk == nil) == (s.Task == nil) {
			return nil, fmt.Errorf("the job %s is defined wrongly: the step %q needs a name of its own, and either a chunk or a task", j.Name, s.Name)
		}
		names[s.Name] = true
	}
	return steps, nil
}
