package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Lease is the name of the reconciler's lease. It only saves work: the board
// itself refuses what a builder writes after another one has begun.
const Lease = "ranking-keeper"

const (
	// reconcileEvery is how often the boards are checked.
	reconcileEvery = time.Second
	// checkTimeout bounds a check of which boards are complete.
	checkTimeout = 3 * time.Second
	// stallTimeout ends a rebuild that makes no progress. It is longer than the
	// lease: the first rows of a large database may take longer than that, and a
	// second reconciler does no harm.
	stallTimeout = 30 * time.Second
)

var errStalled = fmt.Errorf("the rebuild has made no progress for %s", stallTimeout)

// BoardChecker reports which days have no complete board.
type BoardChecker interface {
	// Incomplete returns those of the days whose board is not complete, or was built
	// with another stamp than the one given, with the reason, except those that a
	// builder of another group is building. The group is the part of a builder's name
	// before the first dot.
	Incomplete(ctx context.Context, builder string, stamps map[clock.Day]string) (map[clock.Day]string, error)
}

// Reconciler rebuilds the boards that are not complete: after Redis has lost
// data, when the weights have changed, and when a new day begins, for which it
// carries over the scores of products that nobody touches. Of all reconcilers on
// a database, the one that holds the lease works.
type Reconciler struct {
	board   BoardChecker
	builder *Builder
	lease   *store.Lease
	now     clock.Clock
	log     *slog.Logger

	rebuilt, failed atomic.Int64
}

// NewReconciler returns a reconciler that uses a builder of its own. The builders of all
// reconcilers are of one group, so that the next holder of the lease takes over at once
// what the one before has left unfinished.
func NewReconciler(db store.DB, board BoardChecker, builder *Builder, now clock.Clock, log *slog.Logger) *Reconciler {
	return &Reconciler{
		board: board, builder: builder, now: now, log: log,
		lease: store.NewLease(store.LeaseConfig{DB: db, Names: []string{Lease}, Holder: builder.name, Clock: now, Log: log}),
	}
}

// Run reconciles until ctx ends, which is no error. A failure is logged once and
// tried again.
func (r *Reconciler) Run(ctx context.Context) error {
	defer r.lease.Release(ctx)
	outage.New(r.log, "keep the ranking boards complete").Repeat(ctx, reconcileEvery, func(ctx context.Context) error {
		held, err := r.reconcile(ctx)
		switch {
		case !held && err == nil:
			return outage.ErrSkipped
		case errors.Is(err, ranking.ErrSuperseded):
			r.log.InfoContext(ctx, "another builder rebuilds the board", "error", err)
			return nil
		case err != nil && ctx.Err() == nil:
			r.failed.Add(1)
		}
		return err
	})
	return nil
}

// Rebuilt returns how many boards were rebuilt, and how many checks or rebuilds
// failed.
func (r *Reconciler) Rebuilt() (boards, failures int64) { return r.rebuilt.Load(), r.failed.Load() }

// Reconcile checks the boards once, if this process has the lease, and rebuilds
// those that are not complete. It renews the lease after every step that
// succeeds: a rebuild that takes long keeps it, one that hangs or fails does not.
func (r *Reconciler) Reconcile(ctx context.Context) error {
	_, err := r.reconcile(ctx)
	return err
}

func (r *Reconciler) reconcile(ctx context.Context) (held bool, err error) {
	if err := r.lease.Acquire(ctx); err != nil || !r.lease.Holds(Lease) {
		return false, err
	}
	if err := r.complete(ctx); err != nil {
		return true, err
	}
	return true, r.lease.Renew(ctx)
}

// complete rebuilds the boards that are not complete.
func (r *Reconciler) complete(ctx context.Context) error {
	reasons, err := r.incomplete(ctx)
	if err != nil || len(reasons) == 0 {
		return err
	}
	return r.rebuild(ctx, reasons)
}

func (r *Reconciler) incomplete(ctx context.Context) (map[clock.Day]string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return incomplete(ctx, r.builder.db, r.board, r.builder.name, ranking.OnBoard(r.now()))
}

// incomplete returns the days whose board is not complete by the database: by its weights, and
// by the notes of scores that were not written.
func incomplete(ctx context.Context, db store.DB, board BoardChecker, builder string, days []clock.Day) (map[clock.Day]string, error) {
	weights, err := schedule(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read the weights: %w", err)
	}
	open, err := gapsOf(ctx, db)
	if err != nil {
		return nil, err
	}
	stamps := make(map[clock.Day]string)
	for _, day := range days {
		stamps[day] = weights.Stamp(day)
	}
	reasons, err := board.Incomplete(ctx, builder, stamps)
	if err != nil {
		return nil, err
	}
	for _, day := range days {
		if _, noted := open[day]; noted && reasons[day] == "" {
			if reasons == nil {
				reasons = make(map[clock.Day]string)
			}
			reasons[day] = "redis was away when events were counted"
		}
	}
	return reasons, nil
}

func (r *Reconciler) rebuild(ctx context.Context, reasons map[clock.Day]string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer stall.Stop()
	days := r.builder.inOrder(slices.Collect(maps.Keys(reasons)))
	if len(days) == 0 {
		return nil
	}
	r.log.InfoContext(ctx, "rebuilding boards", "first", days[0], "days", len(days), "reason", reasons[days[0]])
	finished, err := r.builder.rebuild(ctx, days, nil, func() error {
		stall.Reset(stallTimeout)
		if err := r.lease.Renew(ctx); err != nil { // the lease only saves work: the rebuild goes on
			r.log.WarnContext(ctx, "lease not renewed during a rebuild", "error", err)
		}
		return nil
	})
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = fmt.Errorf("%w: %w", errStalled, err)
	}
	r.rebuilt.Add(finished)
	return err
}
