// Package housekeeping throws away what has served its time.
package housekeeping

import (
	"context"
	"log/slog"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// KeyLife is how long an idempotency key answers.
	KeyLife = 24 * time.Hour
	// HandledLife is how long it is remembered that an event was dealt with. It
	// has to be longer than topics and dead letters keep one, and whoever
	// replays them goes back: what comes again after that counts again.
	HandledLife = 30 * 24 * time.Hour
	// round is how often the house is kept, and chunk how many rows one
	// transaction deletes: few enough that nobody waits for it.
	round = 10 * time.Minute
	chunk = 1_000
)

// Service keeps house. Any number of them may work at once.
type Service struct {
	db  store.DB
	now clock.Clock
	log *slog.Logger
}

// New returns a keeper.
func New(db store.DB, now clock.Clock, log *slog.Logger) *Service { return &Service{db, now, log} }

// Run keeps house until ctx ends.
func (k *Service) Run(ctx context.Context) error {
	failing := outage.New(k.log, "delete what has served its time")
	for {
		keys, events, err := k.Once(ctx)
		if err != nil && ctx.Err() == nil {
			failing.Failed(err)
		} else {
			failing.Recovered()
		}
		if keys+events > 0 {
			k.log.InfoContext(ctx, "deleted what has served its time", "idempotencyKeys", keys, "eventsHandled", events)
		}
		if !backoff.Wait(ctx, round) {
			return nil
		}
	}
}

// Once deletes the idempotency keys and the marks of handled events that have
// served their time, and returns how many of each.
func (k *Service) Once(ctx context.Context) (keys, events int64, err error) {
	now := k.now()
	keys, err = k.purge(ctx, func(tx store.Tx) (int64, error) { return tx.Keys.Purge(ctx, now.Add(-KeyLife), chunk) })
	if err != nil {
		return keys, 0, err
	}
	events, err = k.purge(ctx, func(tx store.Tx) (int64, error) { return tx.Handled.Purge(ctx, now.Add(-HandledLife), chunk) })
	return keys, events, err
}

// purge deletes chunk after chunk until less than one is left.
func (k *Service) purge(ctx context.Context, some func(store.Tx) (int64, error)) (deleted int64, err error) {
	for {
		var n int64
		err := k.db.Update(ctx, func(tx store.Tx) (err error) {
			n, err = some(tx)
			return err
		})
		deleted += n
		if err != nil || n < chunk {
			return deleted, err
		}
	}
}
