package job

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Errors of executions.
var (
	ErrNotFound   = fault.New(fault.NotFound, "JOB_EXECUTION_NOT_FOUND", "there is no such job execution")
	ErrNotRunning = fault.New(fault.Conflict, "JOB_NOT_RUNNING", "no such job execution is running")
	ErrRunning    = fault.New(fault.Conflict, "JOB_RUNNING", "the job is running")
)

// Status is the state of an execution, of a step or of a partition, as in Spring Batch.
type Status string

// The states. A partition that nobody has begun is Starting.
const (
	Starting  Status = "STARTING"
	Started   Status = "STARTED"
	Stopping  Status = "STOPPING" // a stop was requested
	Stopped   Status = "STOPPED"
	Completed Status = "COMPLETED"
	Failed    Status = "FAILED"
	Abandoned Status = "ABANDONED" // it failed, and a fresh run was begun instead of a restart
)

// Restartable reports whether an execution of this state left work behind that a
// restart finishes.
func (s Status) Restartable() bool { return s == Stopped || s == Failed }

// Exit codes of executions. They say why an execution has its status.
const (
	ExitCompleted = "COMPLETED"
	ExitFailed    = "FAILED"
	ExitStopped   = "STOPPED"
	ExitDied      = "DIED" // its process ended, or froze until another one took its place
)

// Execution is one attempt to do a run of a job. A run that failed or was stopped is
// finished by another execution with the same run id.
type Execution struct {
	ID         id.ID
	Instance   id.ID // of the job and its parameters
	Job        string
	Parameters Parameters
	Run        id.ID
	RunAt      time.Time // when the run began
	Status     Status
	ExitCode   string // empty until it has ended
	Message    string
	StartedBy  string
	Holder     string // of the lease: the process that runs it
	Host       string
	Token      int64 // of the lease
	CreatedAt  time.Time
	StartedAt  *time.Time // when its first step began
	EndedAt    *time.Time
	// HeartbeatAt is when it gave the last sign of life.
	HeartbeatAt   time.Time
	StopRequested *time.Time
}

// Active reports whether the execution has not ended.
func (e Execution) Active() bool { return e.EndedAt == nil }

// End ends an execution.
func (e *Execution) End(status Status, exitCode, message string, at time.Time) {
	e.Status, e.ExitCode, e.Message, e.EndedAt = status, exitCode, Clip(message), &at
}

// mostMessage is how many bytes of a message are kept.
const mostMessage = 2_000

// Clip returns a message as it is stored: without its end if it is very long.
func Clip(message string) string {
	if len(message) <= mostMessage {
		return message
	}
	cut := mostMessage
	for cut > 0 && message[cut]&0xC0 == 0x80 { // within a character
		cut--
	}
	return message[:cut] + "..."
}

// Counts count items, usually rows.
type Counts struct {
	Read    int64 `json:"read"`
	Written int64 `json:"written"`
	Skipped int64 `json:"skipped"`
}

// Plus returns the sums.
func (c Counts) Plus(o Counts) Counts {
	return Counts{c.Read + o.Read, c.Written + o.Written, c.Skipped + o.Skipped}
}

// Step is a step of an execution. Its counts are what this execution did: of a step that
// was completed by an earlier execution of the run, they are zero.
type Step struct {
	Counts

	Execution id.ID
	Name      string
	Order     int
	Status    Status
	Message   string
	StartedAt time.Time
	EndedAt   *time.Time
}

// Partition is a part of a step of a run. Its counts are those of the run, restarts
// included.
type Partition struct {
	Counts

	Run       id.ID
	Step      string
	Name      string
	Order     int
	Status    Status
	Position  string // where its last committed chunk ended
	Message   string
	Execution id.ID // that worked on it last
}

// ExecutionTable keeps executions.
type ExecutionTable interface {
	// Instance returns the id of the instance of a job and parameters. If there is
	// none yet, it gets the id given.
	Instance(ctx context.Context, given id.ID, job string, p Parameters, at time.Time) (id.ID, error)
	// Find returns an execution, or ErrNotFound.
	Find(ctx context.Context, execution id.ID) (Execution, error)
	// Latest returns the newest execution of an instance, or ErrNotFound.
	Latest(ctx context.Context, instance id.ID) (Execution, error)
	// Active returns the executions that have not ended: at most one of a job.
	Active(ctx context.Context) ([]Execution, error)
	// List returns up to limit executions, newest first: those of a job unless it is
	// empty, and those before an execution unless its id is zero.
	List(ctx context.Context, job string, before id.ID, limit int) ([]Execution, error)
	// Save queues an execution. It leaves HeartbeatAt and StopRequested of one that
	// exists. If it has ended, so do its steps and partitions that have not.
	Save(e Execution)
	// Purge deletes up to limit executions, with their steps and partitions. All
	// executions of their runs are older than the time given.
	Purge(ctx context.Context, before time.Time, limit int) (deleted int64, err error)
}

// ProgressTable keeps how far executions are.
type ProgressTable interface {
	// Beat notes a sign of life, and reports whether a stop was requested.
	Beat(ctx context.Context, execution id.ID, at time.Time) (stop bool, err error)
	// RequestStop requests the stop of an execution, and reports whether it is
	// active.
	RequestStop(ctx context.Context, execution id.ID, at time.Time) (active bool, err error)
	// SaveStep queues a step. It leaves the counts of one that exists.
	SaveStep(s Step)
	// Steps returns the steps of an execution, in their order.
	Steps(ctx context.Context, execution id.ID) ([]Step, error)
	// CompletedSteps returns the names of the steps that are completed in a run.
	CompletedSteps(ctx context.Context, run id.ID) ([]string, error)
}

// PartitionTable keeps the partitions of the steps of runs.
type PartitionTable interface {
	// Plan queues new partitions of a step, in their order.
	Plan(run id.ID, step string, names []string, execution id.ID)
	// Of returns the partitions of a step of a run, in their order.
	Of(ctx context.Context, run id.ID, step string) ([]Partition, error)
	// Advance queues the new state of a partition, and adds what was done to the
	// counts of the step of p.Execution.
	Advance(p Partition, done Counts)
	// Fail queues the failure of a partition. Its position and counts stay as they
	// were committed.
	Fail(p Partition, message string)
	// Summaries returns the sums over the partitions of each step of a run.
	Summaries(ctx context.Context, run id.ID) ([]Summary, error)
}

// Summary sums up the partitions of a step of a run.
type Summary struct {
	Counts

	Step       string
	Partitions int64
	Completed  int64
}

// Due is the last due time of a schedule that was dealt with.
type Due struct {
	Schedule  string
	At        time.Time
	Execution id.ID // that was started for it; zero if none was
	Attempts  int   // how many executions were started for it
}

// ScheduleTable keeps which due times were dealt with.
type ScheduleTable interface {
	// Now returns the present time, by the clock of the database.
	Now(ctx context.Context) (time.Time, error)
	// Of returns the last due times of schedules that have one.
	Of(ctx context.Context, schedules []string) ([]Due, error)
	// Lock returns the last due time of a schedule and locks it. If it has none, it
	// gets the one given.
	Lock(ctx context.Context, first Due) (Due, error)
	// Save queues the last due time of a schedule that is locked.
	Save(d Due)
}
