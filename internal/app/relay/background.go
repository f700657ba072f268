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
	measureSeldom   = 10 // measurements that a process with a lane makes meanwhile
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

// measureBacklog reports how many rows wait, and for how long, until ctx ends. A process
// that holds no lane measures seldom: it is for the case that nobody holds one. But what it
// complains about, it looks at again soon: another process may have relayed it.
func (r *Relay) measureBacklog(ctx context.Context) {
	passes := 0
	outage.New(r.log, "read the outbox's backlog").Repeat(ctx, measureEvery, func(ctx context.Context) error {
		passes++
		if well := r.health.age(r.config.Clock()) <= tooOld; well && len(r.lease.Held()) == 0 && passes%measureSeldom != 0 {
			return outage.ErrSkipped
		}
		return r.measure(ctx)
	})
}

func (r *Relay) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	var b store.Backlog
	err := r.config.DB.View(ctx, func(tx store.Tx) (err error) {
		b, err = tx.Queues.Measure(ctx, r.measured.Load())
		return err
	})
	if err != nil {
		return err
	}
	age, oldest := time.Duration(0), int64(0)
	if !b.Oldest.IsZero() {
		age, oldest = max(0, r.config.Clock().Sub(b.Oldest)), b.Oldest.UnixMicro()
	}
	r.health.oldest.Store(oldest)
	r.config.Meter.Backlog(b.Waiting, age)
	r.config.Meter.Sick(len(r.sick.all()))
	return nil
}
