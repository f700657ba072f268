// Package invalidate tells caches that products have changed.
package invalidate

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	announceTimeout = time.Second
	// mostWaiting bounds the products that wait to be announced. Of more, other processes
	// learn by themselves within a second.
	mostWaiting = 10_000
)

// Others are the other processes.
type Others interface {
	AnnounceProducts(ctx context.Context, ids []int64) error
}

// Announcer tells other processes of products whose facts this one has changed. What it
// cannot tell at once it does not tell later: their caches ask the database within a
// second.
type Announcer struct {
	others  Others
	log     *slog.Logger
	changed wakeup.Signal

	mu      sync.Mutex
	waiting map[int64]struct{}
}

// NewAnnouncer returns an announcer. Run does its work.
func NewAnnouncer(others Others, log *slog.Logger) *Announcer {
	return &Announcer{others: others, log: log, changed: wakeup.New(), waiting: map[int64]struct{}{}}
}

// Committed takes the changes of a transaction. It does not block.
func (a *Announcer) Committed(changes []store.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range changes {
		if c.Facts && len(a.waiting) < mostWaiting {
			a.waiting[c.ProductID] = struct{}{}
		}
	}
	if len(a.waiting) > 0 {
		a.changed.Notify()
	}
}

// Run announces until ctx ends. Changes that come meanwhile share the next announcement.
func (a *Announcer) Run(ctx context.Context) error {
	failing := outage.New(a.log, "announce changed products to other processes")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.changed:
		}
		if err := a.announce(ctx); err == nil {
			failing.Recovered()
		} else if ctx.Err() == nil {
			failing.Failed(err)
		}
	}
}

func (a *Announcer) announce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	return a.others.AnnounceProducts(ctx, a.take())
}

// take returns the products that wait, in the order of their ids.
func (a *Announcer) take() []int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := slices.Sorted(maps.Keys(a.waiting))
	clear(a.waiting)
	return ids
}
