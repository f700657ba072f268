package ranktest

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Run is a run of a job, whose partitions are done one after another. It keeps its state
// when it fails, and Do continues it.
type Run struct {
	DB  store.DB
	Job batch.Job
	ID  id.ID
	At  time.Time
	// Fail is called in each transaction before and after its commit, with the name of the
	// partition. An error ends the run there.
	Fail func(partition string, committed bool) error

	planned map[string][]string        // partitions by step
	open    map[string]map[string]bool // those that are not completed
	Chunks  map[string]int             // committed chunks by partition
}

// Do does what is left of the run.
func (r *Run) Do(ctx context.Context, p job.Parameters) error {
	if r.planned == nil {
		r.planned, r.open, r.Chunks = map[string][]string{}, map[string]map[string]bool{}, map[string]int{}
	}
	steps, err := r.Job.Plan(p)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := r.plan(ctx, s); err != nil {
			return err
		}
		for _, name := range r.planned[s.Name] {
			if !r.open[s.Name][name] {
				continue
			}
			if err := r.part(ctx, s, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Planned returns the number of partitions.
func (r *Run) Planned() (n int) {
	for _, names := range r.planned {
		n += len(names)
	}
	return n
}

// Partitions returns the partitions of a step, in order.
func (r *Run) Partitions(step string) []string { return r.planned[step] }

func (r *Run) plan(ctx context.Context, s batch.Step) (err error) {
	if _, done := r.planned[s.Name]; done {
		return nil
	}
	names, err := s.Partitions(ctx, r.DB)
	if err != nil {
		return err
	}
	r.planned[s.Name], r.open[s.Name] = names, map[string]bool{}
	for _, name := range names {
		r.open[s.Name][name] = true
	}
	return nil
}

func (r *Run) part(ctx context.Context, s batch.Step, name string) error {
	for position := ""; ; {
		var done batch.Progress
		err := r.DB.Update(ctx, func(tx store.Tx) (err error) {
			if done, err = s.Chunk(ctx, tx, batch.Chunk{Run: r.ID, Partition: name, Position: position, At: r.At}); err == nil {
				err = r.fail(name, false)
			}
			return err
		})
		if err != nil {
			return err
		}
		position = done.Position
		r.Chunks[name]++
		if done.Done {
			r.open[s.Name][name] = false
		}
		if err := r.fail(name, true); err != nil || done.Done {
			return err
		}
	}
}

func (r *Run) fail(name string, committed bool) error {
	if r.Fail == nil {
		return nil
	}
	return r.Fail(name, committed)
}
