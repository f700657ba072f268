package settle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Lease is the name of the lease of the recovery. It only saves work: two
// processes that settle one payment wait for the lock of its order, and the
// second finds that the payment has ended. So no transaction confirms it.
const Lease = "payment-recovery"

const (
	tick                = time.Second // the pause between two rounds
	batch               = 64          // payments that are read at a time
	maxConcurrentChecks = 16          // payments that are checked at once
	// databaseTimeout bounds a read or a write of the recovery itself.
	databaseTimeout = 3 * time.Second
)

// recovery checks the payments that are due. It renews its lease only while checks
// end in time and some of them succeed. Otherwise the lease runs out, and another
// process takes it.
type recovery struct {
	service *Service
	lease   *store.Lease
	checks  *checksInFlight
	failing *outage.Log
	failed  bool // the checks that ended last have all failed
}

func newRecovery(s *Service) *recovery {
	return &recovery{
		service: s, checks: newChecksInFlight(s.clock), failing: outage.New(s.log, "look after payments that are due"),
		lease: store.NewLease(store.LeaseConfig{DB: s.leaseDB, Names: []string{Lease}, Holder: s.holder, Clock: s.clock, Log: s.log}),
	}
}

// Recover looks after payments that are due, in one process at a time, until
// ctx ends.
func (s *Service) Recover(ctx context.Context) error {
	r := newRecovery(s)
	defer r.lease.Release(ctx)
	defer r.checks.all.Wait()
	for {
		more := r.round(ctx)
		if !more && !backoff.Wait(ctx, tick) {
			return nil
		}
	}
}

// round starts checks and notes how earlier ones have ended. It reports whether there
// may be more payments that are due.
func (r *recovery) round(ctx context.Context) (more bool) {
	n, err := r.startChecks(ctx)
	ended := r.checks.report()
	if ended.succeeded+ended.failed > 0 {
		r.failed = ended.succeeded == 0
	}
	if err == nil {
		err = ended.err
	}
	switch {
	case err != nil && ctx.Err() == nil:
		r.failing.Failed(err)
	case err == nil && (ended.succeeded > 0 || ended.running == 0) && r.lease.Holds(Lease):
		r.failing.Recovered()
	}
	return n > 0 && err == nil
}

// startChecks starts a check of each of some payments that are due, if this process
// has the lease, and returns how many. It does not wait until they have ended: a
// payment that the gateway is slow to answer about must not delay all others.
func (r *recovery) startChecks(ctx context.Context) (n int, err error) {
	due, err := r.due(ctx)
	if err != nil {
		return 0, err
	}
	for _, orderID := range due {
		if r.checks.isRunning(orderID) {
			continue
		}
		if err := r.acquireSlot(ctx); err != nil {
			return n, err
		}
		if !r.lease.Holds(Lease) { // it ran out while this process waited
			r.checks.releaseSlot()
			return n, nil
		}
		n++
		r.checks.start(orderID, func() error { return r.check(ctx, orderID) })
	}
	return n, nil
}

// due returns the orders of some payments that are due, none if another process
// has the lease.
func (r *recovery) due(ctx context.Context) (due []id.ID, err error) {
	if err := r.keepLease(ctx); err != nil || !r.lease.Holds(Lease) {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	err = r.service.db.View(ctx, func(tx store.Tx) error {
		due, err = tx.Payments.Due(ctx, r.service.clock(), batch)
		return err
	})
	return due, err
}

// keepLease renews the lease if checks succeed and none of them hangs.
func (r *recovery) keepLease(ctx context.Context) error {
	if !r.lease.Holds(Lease) {
		r.failed = false
		return r.lease.Acquire(ctx)
	}
	if r.failed || r.checks.oldest() > r.checkTimeout()+2*databaseTimeout {
		return nil
	}
	return r.lease.Renew(ctx)
}

// acquireSlot waits until fewer than maxConcurrentChecks run. It renews the lease while
// it waits. Only if it returns nil, the caller has a slot.
func (r *recovery) acquireSlot(ctx context.Context) error {
	for {
		if err := r.keepLease(ctx); err != nil {
			return err
		}
		pause := time.NewTimer(tick)
		select {
		case r.checks.slots <- struct{}{}:
			pause.Stop()
			return nil
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// checkTimeout bounds a check: the calls of the gateway, and the transactions.
func (r *recovery) checkTimeout() time.Duration {
	return r.service.callerTimeout + databaseTimeout
}

// check settles a payment that is due. If it cannot be settled, it is rescheduled, so
// that it does not block the payments behind it.
func (r *recovery) check(ctx context.Context, orderID id.ID) error {
	limited, cancel := context.WithTimeout(ctx, r.checkTimeout())
	defer cancel()
	_, err := r.service.SettleNow(limited, orderID)
	if err != nil && !errors.Is(err, ErrGateway) && ctx.Err() == nil {
		err = errors.Join(fmt.Errorf("order %s: %w", orderID, err), r.reschedule(ctx, orderID))
	}
	return err
}

func (r *recovery) reschedule(ctx context.Context, orderID id.ID) error {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	_, err := r.service.change(ctx, orderID, func(c *change) error { c.checkAgain = true; return nil })
	return err
}
