package batch_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// shaky is a database whose connection breaks when chunks are committed: before the
// commit, or after it.
type shaky struct {
	store.DB

	chunk  *atomic.Bool // the transaction is that of a chunk
	n      atomic.Int64
	always bool
}

func (s *shaky) Update(ctx context.Context, fn func(store.Tx) error) error {
	s.chunk.Store(false)
	n := s.n.Add(1)
	err := s.DB.Update(ctx, func(tx store.Tx) error {
		err := fn(tx)
		if err == nil && s.chunk.Load() && (n%3 == 0 || s.always) {
			return sqlstore.ErrUnavailable
		}
		return err
	})
	if err == nil && s.chunk.Load() && n%3 == 1 {
		return sqlstore.ErrUnavailable
	}
	return err
}

func (s *shaky) View(ctx context.Context, fn func(store.Tx) error) error {
	if s.n.Add(1)%4 == 0 {
		return sqlstore.ErrUnavailable
	}
	return s.DB.View(ctx, fn)
}

func TestAJobOutlastsBrokenConnections(t *testing.T) {
	t.Parallel()
	inTime(t, func(r *rig) {
		var chunk atomic.Bool
		y := tally{name: "tallyJob", parts: 3, chunks: 9, before: func(string, int) error {
			chunk.Store(true)
			return nil
		}}
		s := &shaky{DB: r.db, chunk: &chunk}
		s.n.Store(1)
		e := r.run(r.process("ann", s, y.job()), batch.Request{Job: "tallyJob", Workers: 1})
		r.demand(e, job.Completed)
		if err := y.check(r.Context(), r.db); err != nil {
			r.Error(err)
		}
		if steps := r.steps(e.ID); steps[0].Written != 27 {
			r.Errorf("%+v", steps)
		}
	})
}

func TestAJobThatWaitsForTheDatabaseForAMinuteFailsWithTheReason(t *testing.T) {
	t.Parallel()
	inTime(t, func(r *rig) {
		var chunk atomic.Bool
		y := tally{name: "tallyJob", parts: 1, chunks: 1, before: func(string, int) error {
			chunk.Store(true)
			return nil
		}}
		s := &shaky{DB: r.db, chunk: &chunk, always: true}
		s.n.Store(1)
		began := time.Now()
		e := r.run(r.process("ann", s, y.job()), batch.Request{Job: "tallyJob"})
		r.demand(r.stored(e.ID), job.Failed)
		if !strings.Contains(e.Message, "no progress for 1m0s") || !strings.Contains(e.Message, sqlstore.ErrUnavailable.Text) {
			r.Errorf("the message is %q", e.Message)
		}
		if took := time.Since(began); took > batch.Patience+store.LeaseTTL {
			r.Errorf("it took %v", took)
		}
	})
}

// slow is a database that does not answer its first transactions before their time is up.
type slow struct {
	store.DB

	left atomic.Int64
}

func (s *slow) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.left.Add(-1) >= 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.DB.Update(ctx, fn)
}

// A disk that stalled for two seconds let a job that runs nowhere be refused as running.
func TestAJobIsNotRefusedAsRunningBecauseTheDatabaseIsSlow(t *testing.T) {
	t.Parallel()
	for _, wait := range []bool{false, true} {
		inTime(t, func(r *rig) {
			y := tally{name: "tallyJob", parts: 1, chunks: 1}
			s := &slow{DB: r.db}
			p := r.process("ann", s, y.job())
			s.left.Store(2)
			r.demand(r.run(p, batch.Request{Job: "tallyJob", Wait: wait}), job.Completed)
			s.left.Store(3)
			if _, err := p.Run(r.Context(), batch.Request{Job: "tallyJob", Wait: wait}); !errors.Is(err, batch.ErrNoAnswer) {
				r.Errorf("wait %v: a database that does not answer at all: %v", wait, err)
			}
			if h := r.history("tallyJob"); len(h) != 1 {
				r.Errorf("%+v", h)
			}
		})
	}
}
