package relay

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	leaseTTL   = 5 * time.Second
	leasePart  = leaseTTL / 3 // how often leases are renewed, or asked for
	leasePlace = "outbox-lane-"
)

// lanes is what this process holds, and until when by its own clock. That
// clock stands still for nothing, so a process that was frozen finds out by
// itself.
type lanes struct {
	mu    sync.Mutex
	ours  []int
	until time.Time
}

// held returns the lanes that may be worked now.
func (l *lanes) held(now time.Time) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !now.Before(l.until) {
		return nil
	}
	return slices.Clone(l.ours)
}

// cover reports whether all of some lanes may be worked now.
func (l *lanes) cover(some []int, now time.Time) bool {
	ours := l.held(now)
	return !slices.ContainsFunc(some, func(lane int) bool { return !slices.Contains(ours, lane) })
}

// set notes what is held from now on.
func (l *lanes) set(ours []int, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ours, l.until = ours, until
}

// keepLanes takes what lanes it can get, and keeps them, until ctx ends.
func (r *Relay) keepLanes(ctx context.Context) {
	failing := outage.New(r.log, "renew the leases of the outbox's lanes")
	for {
		if err := r.renew(ctx); err == nil {
			failing.Recovered()
		} else if ctx.Err() == nil {
			failing.Failed(err)
		}
		if !backoff.Wait(ctx, leasePart) {
			return
		}
	}
}

// renew asks for all lanes. How long they are held is counted from before the
// question, so that this process never believes in a lease longer than others.
func (r *Relay) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leasePart)
	defer cancel()
	until := r.Clock().Add(leaseTTL)
	var held []string
	err := r.DB.Update(ctx, func(tx store.Tx) (err error) {
		held, err = tx.Leases.Acquire(ctx, leaseNames(), r.Holder, r.Clock(), until)
		return err
	})
	if err != nil {
		return fmt.Errorf("leases: %w", err)
	}
	ours := laneNumbers(held)
	more := !r.lanes.cover(ours, r.Clock())
	r.lanes.set(ours, until)
	if more {
		r.log.Info("relaying the outbox", "lanes", ours)
		ring(r.wake)
	}
	return nil
}

func (r *Relay) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := r.DB.Update(ctx, func(tx store.Tx) error { return tx.Leases.Release(ctx, leaseNames(), r.Holder) })
	if err != nil {
		r.log.Warn("the outbox's lanes stay taken until their leases run out", "error", err)
	}
}

func leaseNames() []string {
	names := make([]string, store.Lanes)
	for lane := range names {
		names[lane] = leasePlace + strconv.Itoa(lane)
	}
	return names
}

func laneNumbers(names []string) []int {
	var numbers []int
	for _, name := range names {
		if lane, err := strconv.Atoi(strings.TrimPrefix(name, leasePlace)); err == nil {
			numbers = append(numbers, lane)
		}
	}
	return numbers
}
