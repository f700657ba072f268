package relay

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	announceTimeout = time.Second
	watchEvery      = time.Second
)

// herald passes on the commits of this process: to its own loop, and to others
// where they may hold the lane. Commits that happen during an announcement
// share the next one.
func (r *Relay) herald(ctx context.Context) {
	failing := outage.New(r.log, "announce new events to other processes")
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.Committed:
		}
		ring(r.wake)
		if len(r.lanes.held(r.Clock())) == store.Lanes {
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
	return r.Announcer.Announce(ctx)
}

// watch shows how many rows wait, and for how long.
func (r *Relay) watch(ctx context.Context) {
	failing := outage.New(r.log, "read the outbox's backlog")
	for {
		if err := r.measure(ctx); err == nil {
			failing.Recovered()
		} else if ctx.Err() == nil {
			failing.Failed(err)
		}
		if !backoff.Wait(ctx, watchEvery) {
			return
		}
	}
}

func (r *Relay) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return r.DB.View(ctx, func(tx store.Tx) error {
		waiting, oldest, err := tx.Outbox.Backlog(ctx)
		if err != nil {
			return err
		}
		age := time.Duration(0)
		if !oldest.IsZero() {
			age = max(0, r.Clock().Sub(oldest))
		}
		r.Meter.Backlog(waiting, age)
		return nil
	})
}
