package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// worker works on a partition.
type worker struct {
	*Run

	step Step
	part job.Partition // as it was committed
	// unsure is why it is not known whether the last chunk was committed; nil if it is known.
	unsure error
	//nolint:containedctx // a worker is one call, and ends with it
	ctx, tasks context.Context
}

// errUnsure is the error of a chunk while its beginning cannot be read.
var errUnsure = fault.New(fault.Unavailable, "DEPENDENCY_AWAY", "the position of the partition cannot be read")

// do does what is left of the partition. If that fails, the partition is marked.
func (w *worker) do() error {
	w.part.Execution = w.execution.ID
	work := w.chunks
	if w.step.Task != nil {
		work = w.task
	}
	err := work()
	switch {
	case err == nil:
		w.observer.PartitionDone(w.execution, w.step.Name, w.part.Name)
		return nil
	case errors.Is(err, errStopped), errors.Is(err, store.ErrLeaseLost), w.ctx.Err() != nil:
		return err
	}
	err = fmt.Errorf("partition %s: %w", w.part.Name, err)
	marked := w.update(w.ctx, nothing, func(tx store.Tx) { tx.Parts.Fail(w.part, job.Clip(err.Error())) })
	return errors.Join(err, marked)
}

// chunks does chunk after chunk. While the database is away it waits, until the job
// has hung for too long.
func (w *worker) chunks() error {
	waits := backoff.New(firstWait, lastWait, w.runner.config.Random)
	for w.part.Status != job.Completed {
		if w.halted() {
			return errStopped
		}
		err := w.chunk()
		switch {
		case err == nil:
			w.progressed()
			waits.Reset()
		case fault.KindOf(err) != fault.Unavailable || !backoff.Wait(w.ctx, waits.Next()):
			return err
		default:
			w.log().Warn("a chunk failed, trying again", "partition", w.part.Name, "error", err)
			w.reread()
		}
	}
	return nil
}

// The waits between attempts while the database is away.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 5 * time.Second
)

// reread reads where the last committed chunk has ended. The connection may have broken
// after the commit and before its answer.
func (w *worker) reread() {
	var parts []job.Partition
	err := w.runner.config.DB.View(w.ctx, func(tx store.Tx) (err error) {
		parts, err = tx.Parts.Of(w.ctx, w.part.Run, w.part.Step)
		return err
	})
	if err != nil {
		w.unsure = fmt.Errorf("%w: %w", errUnsure, err)
		return
	}
	for _, p := range parts {
		if p.Name == w.part.Name {
			p.Execution = w.execution.ID
			w.part, w.unsure = p, nil
		}
	}
}

// chunk does the next chunk, with its progress in the same transaction.
func (w *worker) chunk() (err error) {
	defer w.recovered(&err)
	if w.unsure != nil {
		return w.unsure
	}
	w.unsure = errUnsure
	var p Progress
	var next job.Partition
	err = w.update(w.ctx, func(tx store.Tx) (err error) {
		p, err = w.step.Chunk(w.ctx, tx, w.what())
		next = w.after(p)
		if err == nil && !p.Done && p.Position == w.part.Position && p.Counts == (Counts{}) {
			err = fmt.Errorf("the chunk after %q has done nothing: the job would never end", p.Position)
		}
		return err
	}, func(tx store.Tx) { tx.Parts.Advance(next, p.Counts) })
	if err != nil {
		return err
	}
	w.part, w.unsure = next, nil
	w.observer.Progressed(w.execution, w.step.Name, p.Counts)
	return nil
}

func (w *worker) what() Chunk {
	return Chunk{Run: w.execution.Run, Partition: w.part.Name, Position: w.part.Position, At: w.execution.RunAt}
}

// after returns the partition as it is after some progress.
func (w *worker) after(p Progress) job.Partition {
	next := w.part
	next.Counts, next.Position, next.Status = next.Plus(p.Counts), p.Position, job.Started
	if p.Done {
		next.Status = job.Completed
	}
	return next
}

// task does the partition from its beginning, whatever an earlier execution has done.
func (w *worker) task() error {
	w.part.Counts = Counts{}
	r := reporter{worker: w}
	if err := r.flush(false); err != nil {
		return err
	}
	err := w.call(r.report)
	switch {
	case w.tasks.Err() != nil && w.ctx.Err() == nil && err != nil:
		return errStopped
	case err != nil:
		return err
	}
	return r.flush(true)
}

func (w *worker) call(report func(Counts) error) (err error) {
	defer w.recovered(&err)
	return w.step.Task(w.tasks, w.what(), report)
}

// reportEvery is how often the counts of a task are stored, however often it reports.
const reportEvery = 250 * time.Millisecond

// reporter takes the reports of a task, which may have several goroutines.
type reporter struct {
	*worker

	mu       sync.Mutex
	pending  Counts
	storedAt time.Time
}

func (r *reporter) report(done Counts) error {
	r.progressed()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = r.pending.Plus(done)
	if err := r.tasks.Err(); err != nil {
		return err
	}
	if r.runner.config.Clock().Sub(r.storedAt) < reportEvery {
		return nil
	}
	return r.store(false)
}

// flush stores what was reported.
func (r *reporter) flush(done bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.store(done)
}

func (r *reporter) store(done bool) error {
	p := Progress{Counts: r.pending, Done: done}
	next := r.after(p)
	if err := r.update(r.ctx, nothing, func(tx store.Tx) { tx.Parts.Advance(next, p.Counts) }); err != nil {
		return err
	}
	r.part, r.pending, r.storedAt = next, Counts{}, r.runner.config.Clock()
	r.observer.Progressed(r.execution, r.step.Name, p.Counts)
	return nil
}
