package batch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// rig is a database with runners on it.
type rig struct {
	*testing.T

	db  *sqlstore.DB
	ids id.Source
}

func onBothEngines(t *testing.T, test func(r *rig)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{
		"sqlite": storetest.SQLite, "postgres": storetest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := storetest.Complete(sqlstore.Options{})
			test(&rig{t, open(t, o), o.IDs})
		})
	}
}

// process returns the runner of a process.
func (r *rig) process(holder string, db store.DB, jobs ...batch.Job) *batch.Runner {
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(r.Output(), nil))
	}
	return batch.New(batch.Config{
		DB: db, Jobs: jobs, Holder: holder, Host: "host of " + holder, Clock: time.Now, IDs: r.ids, Random: mathrand.Float64, Log: log,
	})
}

func (r *rig) run(p *batch.Runner, q batch.Request) job.Execution {
	r.Helper()
	e, err := p.Run(r.Context(), q)
	if err != nil {
		r.Fatal(err)
	}
	return e
}

// begin runs a job in the background. The channel says how it has ended.
func (r *rig) begin(p *batch.Runner, q batch.Request) <-chan job.Execution {
	ended := make(chan job.Execution, 1)
	go func() {
		e, err := p.Run(r.Context(), q)
		if err != nil {
			r.Error(err)
		}
		ended <- e
	}()
	return ended
}

// await waits for a signal of a job that must not end before.
func (r *rig) await(signal <-chan struct{}, ended <-chan job.Execution) {
	r.Helper()
	select {
	case <-signal:
	case e := <-ended:
		r.Fatalf("the job has ended before: %s %s", e.Status, e.Message)
	}
}

func (r *rig) demand(e job.Execution, want job.Status) {
	r.Helper()
	if e.Status != want {
		r.Fatalf("the execution is %s (%s %s), want %s", e.Status, e.ExitCode, e.Message, want)
	}
}

func view[T any](r *rig, fn func(tx store.Tx) (T, error)) (v T) {
	r.Helper()
	err := r.db.View(r.Context(), func(tx store.Tx) (err error) {
		v, err = fn(tx)
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return v
}

// stored returns an execution as it is stored.
func (r *rig) stored(execution id.ID) job.Execution {
	r.Helper()
	return view(r, func(tx store.Tx) (job.Execution, error) { return tx.Jobs.Find(r.Context(), execution) })
}

func (r *rig) partitions(run id.ID) []job.Partition {
	r.Helper()
	return view(r, func(tx store.Tx) ([]job.Partition, error) { return tx.Parts.Of(r.Context(), run, "count") })
}

func (r *rig) steps(execution id.ID) []job.Step {
	r.Helper()
	return view(r, func(tx store.Tx) ([]job.Step, error) { return tx.Progress.Steps(r.Context(), execution) })
}

func (r *rig) history(name string) []job.Execution {
	r.Helper()
	return view(r, func(tx store.Tx) ([]job.Execution, error) { return tx.Jobs.List(r.Context(), name, id.ID{}, 100) })
}

// tally is a job that counts each of its chunks once, in the database: a chunk that is
// skipped or repeated is seen.
type tally struct {
	name          string
	base          int64 // its first product: tallies of one database count different ones
	parts, chunks int
	before        func(part string, chunk int) error // before a chunk
}

func (y tally) product(part string, chunk int) int64 {
	n, _ := strconv.ParseInt(part, 10, 64)
	return 1 + y.base + n*100 + int64(chunk)
}

func (y tally) names(context.Context, store.DB) (names []string, err error) {
	for i := range y.parts {
		names = append(names, strconv.Itoa(i))
	}
	return names, nil
}

func (y tally) chunk(_ context.Context, tx store.Tx, c batch.Chunk) (batch.Progress, error) {
	n, _ := strconv.Atoi(c.Position) // 0 at the beginning
	if y.before != nil {
		if err := y.before(c.Partition, n); err != nil {
			return batch.Progress{}, err
		}
	}
	tx.Metrics.Add([]metric.Counters{{ProductID: y.product(c.Partition, n), Day: 20251103, Views: 1}})
	return batch.Progress{
		Counts: batch.Counts{Read: 2, Written: 1}, Position: strconv.Itoa(n + 1), Done: n+1 == y.chunks,
	}, nil
}

// job returns the tally as a job with one step.
func (y tally) job() batch.Job {
	return batch.Job{Name: y.name, Parameters: []batch.Parameter{{Name: "day", Day: true}, {Name: "size", Default: "5"}}, Plan: func(job.Parameters) ([]batch.Step, error) {
		return []batch.Step{{Name: "count", Partitions: y.names, Chunk: y.chunk}}, nil
	}}
}

// check returns an error unless each chunk was counted once.
func (y tally) check(ctx context.Context, db store.DB) error {
	return db.View(ctx, func(tx store.Tx) error {
		for i := range y.parts {
			for c := range y.chunks {
				rows, err := tx.Metrics.Of(ctx, []int64{y.product(strconv.Itoa(i), c)}, 20251103, 20251103)
				if err != nil {
					return err
				}
				if len(rows) != 1 || rows[0].Views != 1 {
					return fmt.Errorf("chunk %d of partition %d was done %+v times", c, i, rows)
				}
			}
		}
		return nil
	})
}

var errDead = errors.New("the process is dead")

// mortal is the database as a process sees it that is killed: after so many
// transactions nothing that it does has an effect any more.
type mortal struct {
	store.DB

	mu     sync.Mutex
	left   int
	silent bool // the last transaction commits, but the process does not hear of it
}

func (m *mortal) spend() (left int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left--
	return m.left
}

func (m *mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left <= 0
}

func (m *mortal) Update(ctx context.Context, fn func(store.Tx) error) error {
	left := m.spend()
	switch {
	case left < 0:
		return errDead
	case left == 0 && m.silent:
		_ = m.DB.Update(ctx, fn)
		return errDead
	case left == 0:
		return m.DB.Update(ctx, func(tx store.Tx) error {
			_ = fn(tx)
			return errDead
		})
	}
	return m.DB.Update(ctx, fn)
}

func (m *mortal) View(ctx context.Context, fn func(store.Tx) error) error {
	if m.dead() {
		return errDead
	}
	return m.DB.View(ctx, fn)
}
