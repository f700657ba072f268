package sqlstore

import (
	"context"
	"time"
)

// Limits bound what a transaction waits for. The server of the database keeps the first
// two itself: a program that is gone, or cannot be heard, holds nothing for longer.
type Limits struct {
	Lock        time.Duration // until a lock is free
	Statement   time.Duration // until a statement has ended
	Transaction time.Duration // until the transaction has ended, if its context has no deadline
}

// Usual returns the limits of what customers and events wait for.
func Usual() Limits {
	return Limits{Lock: 2 * time.Second, Statement: 30 * time.Second, Transaction: time.Minute}
}

// long returns the limits of long work. It does not wait longer for locks: others would
// wait behind it.
func long() Limits {
	return Limits{Lock: Usual().Lock, Statement: 2 * time.Hour, Transaction: 2 * time.Hour}
}

// Long returns the same store for long work, such as audits, rebuilds and exports: its
// statements and transactions may take two hours. Close only the first store.
func (d *DB) Long() *DB {
	other := *d
	other.limits = long()
	return &other
}

// within returns a context with a deadline. Nothing waits for the database without one.
func (d *DB) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d.limits.Transaction)
}
