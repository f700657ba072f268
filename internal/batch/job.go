// Package batch runs jobs: work that takes long, is restarted where it stopped, and is
// watched and stopped by operators. The words are those of Spring Batch: a job has
// steps, a step has partitions, and a partition is done in chunks.
package batch

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Job is the definition of a job. Its steps run one after another.
type Job struct {
	Name        string // for example weeklyMonthlyRankingJob
	Description string // one sentence, for help
	// Parameters are those that the job knows. Others are refused.
	Parameters []Parameter
	// Fresh makes every start a new run: what a failed one has completed is done again.
	// It is for jobs that look at the present state, and not at that of a period.
	Fresh bool
	// Plan returns the steps of a run. It returns a fault if the parameters are
	// wrong. It must return the same steps for the same parameters: a run that is
	// restarted is planned again.
	Plan func(p job.Parameters) ([]Step, error)
}

// Parameter describes a parameter of a job.
type Parameter struct {
	Name, Help string
	Default    string
	// Day marks a date of the form 2010-12-31. The values today and yesterday are
	// replaced by the date in Asia/Seoul before the instance is chosen. So a run that
	// is restarted on another day is about the same day as before.
	Day bool
}

// Step is a part of a job. It has either a Chunk or a Task.
type Step struct {
	Name string
	// Partitions returns the names of the parts that can be worked on at the same
	// time, each once. It is called once in a run: its result is stored, and a
	// restart works on those that are not completed. If it fails, so does the step.
	// Nil: one partition, named after the step.
	Partitions func(ctx context.Context, db store.DB) ([]string, error)
	// Chunk does the next chunk of a partition, in a transaction with its progress:
	// either both are committed or none is. It may run again, as the function of
	// store.DB.Update. A chunk should take less than a second.
	Chunk func(ctx context.Context, tx store.Tx, c Chunk) (Progress, error)
	// Task does a partition outside of a transaction. If the process dies, the
	// partition is done again from its beginning, so it must be repeatable. It calls
	// report now and then with the counts since the last call, which also keeps the
	// job alive: a task that does not report for a minute counts as hung.
	Task func(ctx context.Context, c Chunk, report func(Counts) error) error
}

// Chunk says what is to be done.
type Chunk struct {
	Run       id.ID     // the same for all executions of a run, restarts included
	Partition string    // its name
	Position  string    // where the last committed chunk of the partition ended; empty at its beginning
	At        time.Time // when the run began
}

// Progress is what a chunk has done.
type Progress struct {
	Counts

	Position string // for the next chunk
	Done     bool   // whether the partition is completed
}

// Counts count items, usually rows.
type Counts = job.Counts
