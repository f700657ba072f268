package settle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Lease is the name of the right to look after payments that are due. Nothing
// but work is saved by it: two that settle one payment wait for its order's lock,
// and the second finds it ended.
const Lease = "payment-recovery"

const (
	tick      = time.Second // how often it is asked what is due
	leaseTime = 5 * time.Second
	batch     = 64 // payments that are read at a time
	atOnce    = 16 // of them that are looked at at the same time
)

// Recover looks after payments that are due, in one process at a time, until
// ctx ends.
func (s *Service) Recover(ctx context.Context) error {
	failing := outage.New(s.log, "look after payments that are due")
	defer s.release(context.WithoutCancel(ctx))
	l := newLooks()
	defer l.all.Wait()
	for {
		n, err := s.begin(ctx, l)
		well := false
		if err == nil {
			well, err = l.report()
		}
		switch {
		case err != nil && ctx.Err() == nil:
			failing.Failed(err)
		case well:
			failing.Recovered()
		}
		if n > 0 && err == nil {
			continue // there may be more
		}
		if !backoff.Wait(ctx, tick) {
			return nil
		}
	}
}

// begin has payments looked at that are due, if this process has the lease, and
// returns how many. It waits for turns, and not for the last of them to end: one
// that the gateway is slow to answer about must not hold up all the others.
func (s *Service) begin(ctx context.Context, l *looks) (n int, err error) {
	due, err := s.due(ctx)
	if err != nil {
		return 0, err
	}
	for _, orderID := range due {
		if !l.enter(ctx, orderID) {
			continue
		}
		n++
		l.all.Go(func() {
			l.leave(orderID, s.look(ctx, orderID))
		})
	}
	return n, nil
}

// look settles a payment that is due. One that cannot be settled, whatever the
// gateway says, is put off all the same: else enough of them would be all that is
// ever looked at.
func (s *Service) look(ctx context.Context, orderID id.ID) error {
	_, err := s.SettleNow(ctx, orderID)
	if err != nil && !errors.Is(err, ErrGateway) && ctx.Err() == nil {
		_, later := s.change(ctx, orderID, func(c *change) error { c.checkAgain = true; return nil })
		err = errors.Join(fmt.Errorf("order %s: %w", orderID, err), later)
	}
	return err
}

// due returns the orders of some payments that are due, none if another process
// has the lease.
func (s *Service) due(ctx context.Context) (due []id.ID, err error) {
	err = s.db.Update(ctx, func(tx store.Tx) error {
		now := s.clock()
		held, err := tx.Leases.Acquire(ctx, []string{Lease}, s.holder, now, now.Add(leaseTime))
		if err != nil || len(held) == 0 {
			due = nil
			return err
		}
		due, err = tx.Payments.Due(ctx, now, batch)
		return err
	})
	return due, err
}

// looks are the payments that are being looked at.
type looks struct {
	all   sync.WaitGroup
	turns chan struct{}

	mu     sync.Mutex
	under  map[id.ID]bool // by order
	ended  int            // since the last report
	failed error          // since then
}

func newLooks() *looks {
	return &looks{turns: make(chan struct{}, atOnce), under: map[id.ID]bool{}}
}

// enter waits for a turn. It reports false if the payment is being looked at, or
// ctx has ended.
func (l *looks) enter(ctx context.Context, orderID id.ID) bool {
	l.mu.Lock()
	under := l.under[orderID]
	l.under[orderID] = true
	l.mu.Unlock()
	if under {
		return false
	}
	select {
	case l.turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *looks) leave(orderID id.ID, err error) {
	<-l.turns
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.under, orderID)
	l.ended++
	if err != nil && (l.failed == nil || errors.Is(l.failed, ErrGateway)) {
		l.failed = err // one is enough to tell; the gateway's absence the least
	}
}

// report returns why a look failed that has ended since the last report, if any
// did; else whether all is well: some have ended, or there are none.
func (l *looks) report() (well bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.failed
	well = err == nil && (l.ended > 0 || len(l.under) == 0)
	l.ended, l.failed = 0, nil
	return well, err
}

func (s *Service) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := s.db.Update(ctx, func(tx store.Tx) error { return tx.Leases.Release(ctx, []string{Lease}, s.holder) })
	if err != nil {
		s.log.WarnContext(ctx, "the lease of the payment recovery runs out by itself", "error", err)
	}
}
