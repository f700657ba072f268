package payment

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// MaxWatched is how many ended payments are checked before the next look for payments
// that wait: of the former there may be thousands, and they are not urgent.
const MaxWatched = 16

// Table keeps payments. A transaction that changes a payment holds the lock of its
// order.
type Table interface {
	// Add queues new payments with their histories so far. The transaction ends in
	// ErrExists if the order of one has a payment already.
	Add(payments ...Payment)
	// Save queues a changed payment, and the lines of its history that are new.
	Save(p Payment)
	// Of returns the payment with the id, or of the order with the id, or ErrNotFound.
	Of(ctx context.Context, either id.ID) (Payment, error)
	// Due returns the orders of up to limit payments that are due for a check. Those
	// that wait (pending, or with a refund due) come before those that have ended, of
	// which there are MaxWatched at most; within each group the longest overdue comes
	// first.
	Due(ctx context.Context, now time.Time, limit int) ([]id.ID, error)
	// History returns the history of a payment, oldest first.
	History(ctx context.Context, payment id.ID) ([]Entry, error)
	// Find returns up to limit payments that match a filter and are older than the
	// payment named, newest first. The zero id means the beginning.
	Find(ctx context.Context, f Filter, before id.ID, limit int) ([]Payment, error)
}

// Filter selects payments. A zero field selects all.
type Filter struct {
	Status Status
	// Before: only payments that were created earlier.
	Before time.Time
	// Refunds: only payments with a refund due.
	Refunds bool
	// Stuck: only payments that wait: pending, with a refund due, or for an operator.
	Stuck bool
}

// ChargeTable keeps the charges that the shop knows.
type ChargeTable interface {
	// Of returns the charges of an order, in the order in which they became known.
	Of(ctx context.Context, orderID id.ID) ([]Charge, error)
	// Save queues a charge as it is now. knownAt is kept if the charge is new.
	Save(c Charge, knownAt time.Time)
}
