package payment

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Table keeps payments. Whoever changes one holds the lock of its order.
type Table interface {
	// Add queues a new payment with its history so far; the transaction ends in
	// ErrExists if its order has one.
	Add(p Payment)
	// Save queues what became of a payment, and what its history has not yet.
	Save(p Payment)
	// Of returns a payment by its own id or that of its order, or ErrNotFound.
	Of(ctx context.Context, either id.ID) (Payment, error)
	// Due returns the orders of up to limit payments that are due: first those that
	// wait, pending or with a charge to be given back, then those that are watched;
	// of either those first that have been due for longest.
	Due(ctx context.Context, now time.Time, limit int) ([]id.ID, error)
	// History returns what happened to a payment, oldest first.
	History(ctx context.Context, payment id.ID) ([]Entry, error)
	// Find returns up to limit payments that a filter lets through, newest first,
	// older than the one named; the zero id is the beginning.
	Find(ctx context.Context, f Filter, before id.ID, limit int) ([]Payment, error)
}

// Filter chooses payments; what is zero chooses all.
type Filter struct {
	Status Status
	// Before: only those that were made earlier.
	Before time.Time
	// Refunds: only those of which a charge has to be given back.
	Refunds bool
	// Stuck: only those that wait: pending, or with a charge to be given back.
	Stuck bool
}

// ChargeTable keeps the charges that the shop has heard of.
type ChargeTable interface {
	// Of returns the charges of an order, in the order in which they were heard of.
	Of(ctx context.Context, orderID id.ID) ([]Charge, error)
	// Save queues a charge as it is now; heardAt is kept where it is new.
	Save(c Charge, heardAt time.Time)
}
