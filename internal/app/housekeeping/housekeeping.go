// Package housekeeping throws away what has served its time.
package housekeeping

import (
	"context"
	"log/slog"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/trouble"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// KeyLife is how long an idempotency key answers.
	KeyLife = 24 * time.Hour
	// round is how often the house is kept, and chunk how many rows one
	// transaction deletes: few enough that nobody waits for it.
	round = 10 * time.Minute
	chunk = 1_000
)

// Keeper keeps house. Any number of them may work at once.
type Keeper struct {
	db  store.DB
	now clock.Clock
	log *slog.Logger
}

// New returns a keeper.
func New(db store.DB, now clock.Clock, log *slog.Logger) *Keeper { return &Keeper{db, now, log} }

// Run keeps house until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	failing := trouble.New(k.log, "delete old idempotency keys")
	for {
		deleted, err := k.Once(ctx)
		if err != nil && ctx.Err() == nil {
			failing.Begins(err)
		} else {
			failing.Ends()
		}
		if deleted > 0 {
			k.log.InfoContext(ctx, "deleted old idempotency keys", "keys", deleted)
		}
		if !backoff.Wait(ctx, round) {
			return nil
		}
	}
}

// Once deletes the idempotency keys that have served their time, and returns
// how many.
func (k *Keeper) Once(ctx context.Context) (deleted int64, err error) {
	before := k.now().Add(-KeyLife)
	for {
		var n int64
		err := k.db.Update(ctx, func(tx store.Tx) (err error) {
			n, err = tx.Keys.Purge(ctx, before, chunk)
			return err
		})
		deleted += n
		if err != nil || n < chunk {
			return deleted, err
		}
	}
}
