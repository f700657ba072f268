package sqlstore

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Share is a part of the connections of a store. Whoever works with a share waits for
// those of the same share only.
type Share struct {
	within  *Share // a share is a part of this one; nil: of all connections
	slots   chan struct{}
	now     clock.Clock
	waiting atomic.Int64
	waits   atomic.Int64
	waited  atomic.Int64 // nanoseconds
}

// Usage is how a share is used.
type Usage struct {
	Size, Used int64         // connections
	Waiting    int64         // transactions that wait for one
	Waits      int64         // how often one had to wait
	Waited     time.Duration // for how long, all together
}

// Share returns the same store with a share of its connections: its transactions have n of
// them at most at a time, and others wait for their turn, in order of arrival. Where a
// database has no connections to share, a share has no bound. Close only the first store.
func (d *DB) Share(n int) *DB {
	other := *d
	if d.parts.Connections > 0 {
		other.share = &Share{within: d.share, slots: make(chan struct{}, max(1, n)), now: d.options.Clock}
	}
	return &other
}

// Connections returns how many connections the store has at most; 0: that is no matter
// with this database.
func (d *DB) Connections() int { return d.parts.Connections }

// Usage returns how the share of this store is used.
func (d *DB) Usage() Usage {
	s := d.share
	if s == nil {
		return Usage{}
	}
	return Usage{
		Size: int64(cap(s.slots)), Used: int64(len(s.slots)), Waiting: s.waiting.Load(), Waits: s.waits.Load(),
		Waited: time.Duration(s.waited.Load()),
	}
}

// enter waits for a place in the share, and in the one that it is a part of.
func (s *Share) enter(ctx context.Context) (leave func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	above, err := s.within.enter(ctx)
	if err != nil {
		<-s.slots
		return nil, err
	}
	return func() { above(); <-s.slots }, nil
}

func (s *Share) take(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	began := s.now()
	s.waits.Add(1)
	s.waiting.Add(1)
	defer func() {
		s.waiting.Add(-1)
		s.waited.Add(int64(s.now().Sub(began)))
	}()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
