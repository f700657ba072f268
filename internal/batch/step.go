package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// step does a step, unless it is completed.
func (x *Run) step(ctx context.Context, order int, s Step, completed bool) error {
	if x.halted() {
		return errStopped
	}
	now := x.runner.config.Clock()
	row := job.Step{Execution: x.execution.ID, Name: s.Name, Order: order, Status: job.Started, StartedAt: now}
	if completed {
		row.Status, row.EndedAt = job.Completed, &now
		return x.update(ctx, nothing, func(tx store.Tx) { tx.Progress.SaveStep(row) })
	}
	parts, err := x.plan(ctx, s, row)
	if err == nil {
		err = x.work(ctx, s, parts)
	}
	if err != nil {
		return err // the end of the execution ends the step
	}
	return x.update(ctx, nothing, func(tx store.Tx) {
		now := x.runner.config.Clock()
		row.Status, row.EndedAt = job.Completed, &now
		tx.Progress.SaveStep(row)
	})
}

// plan stores that the step has begun, and returns its partitions that are not
// completed. In a run the step is partitioned once.
func (x *Run) plan(ctx context.Context, s Step, row job.Step) (open []job.Partition, err error) {
	var parts []job.Partition
	err = x.update(ctx, func(tx store.Tx) (err error) {
		parts, err = tx.Parts.Of(ctx, x.execution.Run, s.Name)
		return err
	}, func(tx store.Tx) { tx.Progress.SaveStep(row) })
	if err == nil && len(parts) == 0 {
		parts, err = x.partition(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if p.Status != job.Completed {
			open = append(open, p)
		}
	}
	x.observer.Planned(x.execution, s.Name, len(parts), len(parts)-len(open))
	return open, nil
}

// partition divides a step and stores its partitions, all or none.
func (x *Run) partition(ctx context.Context, s Step) (parts []job.Partition, err error) {
	names, err := x.divide(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("divide it into partitions: %w", err)
	}
	seen := map[string]bool{}
	for i, name := range names {
		if seen[name] {
			return nil, fmt.Errorf("divide it into partitions: %q is there twice", name)
		}
		seen[name] = true
		parts = append(parts, job.Partition{
			Run: x.execution.Run, Step: s.Name, Name: name, Order: i, Status: job.Starting, Execution: x.execution.ID,
		})
	}
	x.progressed()
	return parts, x.update(ctx, nothing, func(tx store.Tx) {
		tx.Parts.Plan(x.execution.Run, s.Name, names, x.execution.ID)
	})
}

func (x *Run) divide(ctx context.Context, s Step) (names []string, err error) {
	if s.Partitions == nil {
		return []string{s.Name}, nil
	}
	defer x.recovered(&err)
	return s.Partitions(ctx, x.runner.config.DB)
}

// recovered turns a panic of a job into an error.
func (x *Run) recovered(err *error) { //nolint:gocritic // it sets the result of its caller
	if p := recover(); p != nil {
		x.runner.config.Log.Error("a job panicked", "job", x.request.Job, "execution", x.execution.ID, "panic", p, "stack", string(debug.Stack()))
		*err = fmt.Errorf("panic: %v", p)
	}
}

// work does the partitions, some at the same time. After the first failure no other
// chunk begins.
func (x *Run) work(ctx context.Context, s Step, parts []job.Partition) error {
	tasks, cancel := context.WithCancel(ctx) // for work that does not end by itself soon
	defer cancel()
	go func() {
		select {
		case <-x.halt:
			cancel()
		case <-tasks.Done():
		}
	}()
	queue := make(chan job.Partition, len(parts))
	for _, p := range parts {
		queue <- p
	}
	close(queue)
	var failures errorList
	var workers sync.WaitGroup
	for range min(x.workers(), len(parts)) {
		workers.Go(func() {
			for p := range queue {
				w := worker{Run: x, step: s, part: p, ctx: ctx, tasks: tasks}
				if err := w.do(); err != nil {
					failures.add(err)
					x.stop()
					return
				}
			}
		})
	}
	workers.Wait()
	return failures.worst()
}

func (x *Run) workers() int {
	if x.request.Workers > 0 {
		return x.request.Workers
	}
	return defaultWorkers
}

// errorList collects the errors of workers.
type errorList struct {
	mu  sync.Mutex
	all []error
}

func (l *errorList) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, err)
}

// worst returns the first failure, or errStopped if all that happened is a stop.
func (l *errorList) worst() error {
	for _, err := range l.all {
		if !errors.Is(err, errStopped) {
			return err
		}
	}
	if len(l.all) > 0 {
		return errStopped
	}
	return nil
}
