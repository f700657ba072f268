// Package housekeeping deletes rows that are no longer needed.
package housekeeping

import (
	"context"
	"log/slog"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// KeyLife is how long the answer under an idempotency key is kept.
	KeyLife = 24 * time.Hour
	// HandledLife is how long the mark of a handled event is kept. It must be
	// longer than topics and dead letters keep the event, and than a replay goes
	// back: an event that comes after that counts again.
	HandledLife = 30 * 24 * time.Hour
	// interval is the pause between two runs. A transaction deletes at most chunk
	// rows, so that nobody waits for it.
	interval = 10 * time.Minute
	chunk    = 1_000
)

// Service deletes old rows. Several processes may run it at the same time.
type Service struct {
	db  store.DB
	now clock.Clock
	log *slog.Logger
}

// New returns a service.
func New(db store.DB, now clock.Clock, log *slog.Logger) *Service { return &Service{db, now, log} }

// Run deletes old rows now and then until ctx ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	outage.New(s.log, "delete old rows").Repeat(ctx, interval, func(ctx context.Context) error {
		keys, events, err := s.Once(ctx)
		if keys+events > 0 {
			s.log.InfoContext(ctx, "deleted old rows", "idempotencyKeys", keys, "eventsHandled", events)
		}
		return err
	})
	return nil
}

// Once deletes the idempotency keys and the marks of handled events that are too
// old, and returns how many of each.
func (s *Service) Once(ctx context.Context) (keys, events int64, err error) {
	now := s.now()
	keys, err = s.purge(ctx, func(tx store.Tx) (int64, error) { return tx.Keys.Purge(ctx, now.Add(-KeyLife), chunk) })
	if err != nil {
		return keys, 0, err
	}
	events, err = s.purge(ctx, func(tx store.Tx) (int64, error) { return tx.Handled.Purge(ctx, now.Add(-HandledLife), chunk) })
	return keys, events, err
}

// purge deletes chunk after chunk until a chunk is not full.
func (s *Service) purge(ctx context.Context, deleteChunk func(store.Tx) (int64, error)) (deleted int64, err error) {
	for {
		var n int64
		err := s.db.Update(ctx, func(tx store.Tx) (err error) {
			n, err = deleteChunk(tx)
			return err
		})
		deleted += n
		if err != nil || n < chunk {
			return deleted, err
		}
	}
}
