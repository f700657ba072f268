package batch

import "github.com/loopers-commerce/commerce/internal/domain/job"

// Observer hears what an execution does: for metrics and progress bars. Its methods are
// called by several goroutines and must not block.
type Observer interface {
	// Planned says how many partitions a step has, and how many of them an earlier
	// execution of the run has completed.
	Planned(e job.Execution, step string, partitions, completed int)
	// Progressed says what was committed.
	Progressed(e job.Execution, step string, done Counts)
	// PartitionDone says that a partition is completed.
	PartitionDone(e job.Execution, step, partition string)
	// Ended is the last call.
	Ended(e job.Execution)
}

// Observers are observers that hear the same.
type Observers []Observer

// Planned implements Observer.
func (all Observers) Planned(e job.Execution, step string, partitions, completed int) {
	for _, o := range all {
		o.Planned(e, step, partitions, completed)
	}
}

// Progressed implements Observer.
func (all Observers) Progressed(e job.Execution, step string, done Counts) {
	for _, o := range all {
		o.Progressed(e, step, done)
	}
}

// PartitionDone implements Observer.
func (all Observers) PartitionDone(e job.Execution, step, partition string) {
	for _, o := range all {
		o.PartitionDone(e, step, partition)
	}
}

// Ended implements Observer.
func (all Observers) Ended(e job.Execution) {
	for _, o := range all {
		o.Ended(e)
	}
}
