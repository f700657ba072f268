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
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Lease is the lease that the keeper holds.
const Lease = "ranking-keeper"

// round is how often the keeper looks, and tenure how long its lease runs.
const (
	round  = time.Second
	tenure = 5 * time.Second
)

// StaleBoards is a board that knows what it lacks.
type StaleBoards interface {
	// Incomplete returns those of the days whose board is not whole, with the
	// reason, except those that somebody other than the builder is making.
	Incomplete(ctx context.Context, builder, stamp string, days []clock.Day) (map[clock.Day]string, error)
}

// Reconciler sees to it that the boards of all days are whole: after Redis has lost
// something, when the weights have changed, and when a new day comes, for which
// it carries over what nobody touches. Of all keepers on a database one works.
type Reconciler struct {
	db      store.DB
	board   StaleBoards
	builder *Builder
	now     clock.Clock
	log     *slog.Logger

	rebuilt, failed atomic.Int64
	troubled        bool // the last look failed, and that was logged
}

// NewReconciler returns a keeper that works through a builder of its own.
func NewReconciler(db store.DB, wall StaleBoards, builder *Builder, now clock.Clock, log *slog.Logger) *Reconciler {
	return &Reconciler{db: db, board: wall, builder: builder, now: now, log: log}
}

// Run looks after the boards until the context ends, which is no error. What
// fails is logged once and tried again.
func (k *Reconciler) Run(ctx context.Context) error {
	defer k.release(ctx)
	tick := time.NewTicker(round)
	defer tick.Stop()
	for {
		k.settle(ctx, k.Reconcile(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Rebuilt returns how many boards were made, and how many looks failed.
func (k *Reconciler) Rebuilt() (boards, failures int64) { return k.rebuilt.Load(), k.failed.Load() }

// Reconcile is one look at the boards by whoever holds the lease.
func (k *Reconciler) Reconcile(ctx context.Context) error {
	held, err := k.hold(ctx)
	if err != nil || !held {
		return err
	}
	reasons, err := k.board.Incomplete(ctx, k.builder.name, Stamp(k.builder.weights), ranking.OnBoard(k.now()))
	if err != nil || len(reasons) == 0 {
		return err
	}
	days := slices.Sorted(maps.Keys(reasons))
	k.log.InfoContext(ctx, "making boards", "first", days[0], "days", len(days), "because", reasons[days[len(days)-1]])
	if err := k.builder.Rebuild(ctx, days, nil); err != nil {
		return err
	}
	k.rebuilt.Add(int64(len(days)))
	return nil
}

// hold takes or renews the lease.
func (k *Reconciler) hold(ctx context.Context) (held bool, err error) {
	err = k.db.Update(ctx, func(tx store.Tx) error {
		now := k.now()
		names, err := tx.Leases.Acquire(ctx, []string{Lease}, k.builder.name, now, now.Add(tenure))
		held = len(names) > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", Lease, err)
	}
	return held, nil
}

// release gives the lease back, so that another keeper need not wait for its end.
func (k *Reconciler) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), round)
	defer cancel()
	err := k.db.Update(ctx, func(tx store.Tx) error {
		return tx.Leases.Release(ctx, []string{Lease}, k.builder.name)
	})
	if err != nil {
		k.log.WarnContext(ctx, "the keeper's lease runs out by itself", "error", err)
	}
}

// settle logs how a look ended, if that is news.
func (k *Reconciler) settle(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, ranking.ErrSuperseded):
		k.log.InfoContext(ctx, "somebody else makes the board", "error", err)
		return
	case err != nil:
		k.failed.Add(1)
		if !k.troubled {
			k.log.WarnContext(ctx, "the boards cannot be looked after", "error", err)
		}
	case k.troubled:
		k.log.InfoContext(ctx, "the boards are looked after again")
	}
	k.troubled = err != nil
}
