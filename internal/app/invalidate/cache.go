package invalidate

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Cache is the cache that all processes share.
type Cache interface {
	// Invalidate drops products, and all lists.
	Invalidate(ctx context.Context, productIDs []int64) error
}

// Events invalidates what events say to have changed. The processes that made the changes
// have done so before, unless they died.
type Events struct {
	cache       Cache
	invalidated atomic.Int64
}

// NewEvents returns the handler of the group event.CacheGroup.
func NewEvents(c Cache) *Events { return &Events{cache: c} }

// Handle invalidates the products that have changed. Stock and likes are not in the cache,
// so their events are passed over. A batch may be handled again.
func (e *Events) Handle(ctx context.Context, batch []event.Received) error {
	changed := map[int64]struct{}{}
	for _, r := range batch {
		if r.Type != (event.ProductChanged{}).Type() {
			continue
		}
		if pid, err := strconv.ParseInt(r.Key, 10, 64); err == nil {
			changed[pid] = struct{}{}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	err := e.cache.Invalidate(ctx, slices.Sorted(maps.Keys(changed)))
	if err == nil {
		e.invalidated.Add(int64(len(changed)))
	}
	return err
}

// Invalidated returns how many products were invalidated.
func (e *Events) Invalidated() int64 { return e.invalidated.Load() }

const (
	invalidateTimeout = time.Second
	retryAfter        = 250 * time.Millisecond
)

// Own invalidates what this process has changed. Until that has succeeded it is behind.
type Own struct {
	cache   Cache
	log     *slog.Logger
	changed wakeup.Signal

	mu         sync.Mutex
	waiting    map[int64]struct{}
	last, done atomic.Int64 // the number of the last change, and of the last that is invalidated
}

// NewOwn returns an invalidator. Run does its work.
func NewOwn(c Cache, log *slog.Logger) *Own {
	return &Own{cache: c, log: log, changed: wakeup.New(), waiting: map[int64]struct{}{}}
}

// Committed takes the changes of a transaction. It does not block.
func (o *Own) Committed(changes []store.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range changes {
		if c.Stock {
			continue
		}
		o.last.Add(1)
		if len(o.waiting) < mostWaiting { // those beyond expire, and no reader believes them
			o.waiting[c.ProductID] = struct{}{}
		}
		o.changed.Notify()
	}
}

// Behind reports whether the cache has not been told of all changes yet.
func (o *Own) Behind() bool { return o.last.Load() != o.done.Load() }

// Run invalidates until ctx ends. What fails is repeated.
func (o *Own) Run(ctx context.Context) error {
	failing := outage.New(o.log, "invalidate changed products in Redis")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.changed:
		}
		err := panics.Caught(func() error { return o.catchUp(ctx) })
		switch {
		case err == nil:
			failing.Recovered()
		case ctx.Err() == nil:
			failing.Failed(err)
			backoff.Wait(ctx, retryAfter)
			o.changed.Notify()
		}
	}
}

// catchUp invalidates all that has changed until now.
func (o *Own) catchUp(ctx context.Context) error {
	ids, last := o.take()
	ctx, cancel := context.WithTimeout(ctx, invalidateTimeout)
	defer cancel()
	if err := o.cache.Invalidate(ctx, ids); err != nil {
		o.giveBack(ids)
		return err
	}
	o.done.Store(last)
	return nil
}

func (o *Own) take() (ids []int64, last int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids = slices.Sorted(maps.Keys(o.waiting))
	clear(o.waiting)
	return ids, o.last.Load()
}

func (o *Own) giveBack(ids []int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, pid := range ids {
		o.waiting[pid] = struct{}{}
	}
}
