package relay

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	announceTimeout = time.Second
	measureEvery    = time.Second
)

// announceCommits passes on the commits of this process: to its own loop, and to
// the other processes where those may hold the lane. Commits that happen during
// an announcement share the next one.
func (r *Relay) announceCommits(ctx context.Context) {
	failing := outage.New(r.log, "announce new events to other processes")
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.config.Committed:
		}
		r.wake.Notify()
		if len(r.lease.Held()) == store.Lanes {
			continue
		}
		if err := r.announce(ctx); err == nil {
			failing.Recovered()
		} else if ctx.Err() == nil {
			failing.Failed(err)
		}
	}
}

func (r *Relay) announce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	return r.config.Announcer.Announce(ctx)
}

// measureBacklog reports how many rows wait, and for how long, until ctx ends.
func (r *Relay) measureBacklog(ctx context.Context) {
	outage.New(r.log, "read the outbox's backlog").Repeat(ctx, measureEvery, r.measure)
}

func (r *Relay) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	return r.config.DB.View(ctx, func(tx store.Tx) error {
		waiting, oldest, err := tx.Outbox.Backlog(ctx)
		if err != nil {
			return err
		}
		age := time.Duration(0)
		if !oldest.IsZero() {
			age = max(0, r.config.Clock().Sub(oldest))
		}
		r.config.Meter.Backlog(waiting, age)
		return nil
	})
}
