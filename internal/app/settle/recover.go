package settle

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/trouble"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Lease is the name of the right to look after payments that are due. Nothing
// but work is saved by it: two that settle one payment wait for its order's lock,
// and the second finds it ended.
const Lease = "payment-recovery"

const (
	tick      = time.Second // how often it is asked what is due
	leaseTime = 5 * time.Second
	batch     = 64 // payments that one round looks at
	atOnce    = 8  // of them at a time
)

// Recover looks after payments that are due, in one process at a time, until
// ctx ends.
func (d *Desk) Recover(ctx context.Context) error {
	failing := trouble.New(d.Log, "look after payments that are due")
	defer d.release(context.WithoutCancel(ctx))
	for {
		n, err := d.round(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			failing.Begins(err)
		case err == nil:
			failing.Ends()
		}
		if n == batch && err == nil {
			continue // there is more
		}
		if !backoff.Wait(ctx, tick) {
			return nil
		}
	}
}

// round settles some payments that are due, if this process has the lease, and
// returns how many.
func (d *Desk) round(ctx context.Context) (int, error) {
	var due []id.ID
	err := d.DB.Update(ctx, func(tx store.Tx) error {
		now := d.Clock()
		held, err := tx.Leases.Acquire(ctx, []string{Lease}, d.Holder, now, now.Add(leaseTime))
		if err != nil || len(held) == 0 {
			due = nil
			return err
		}
		due, err = tx.Payments.Due(ctx, now, batch)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	return len(due), d.settleAll(ctx, due)
}

func (d *Desk) settleAll(ctx context.Context, due []id.ID) error {
	var (
		all    sync.WaitGroup
		lock   sync.Mutex
		failed error
	)
	turns := make(chan struct{}, atOnce)
	for _, orderID := range due {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			if _, err := d.Settle(ctx, orderID); err != nil {
				lock.Lock()
				defer lock.Unlock()
				if failed == nil || errors.Is(failed, ErrGateway) {
					failed = err // one is enough to tell; the gateway's absence the least
				}
			}
		})
	}
	all.Wait()
	return failed
}

func (d *Desk) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := d.DB.Update(ctx, func(tx store.Tx) error { return tx.Leases.Release(ctx, []string{Lease}, d.Holder) })
	if err != nil {
		d.Log.WarnContext(ctx, "the lease of the payment recovery runs out by itself", "error", err)
	}
}
