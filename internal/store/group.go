package store

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// ErrCommitUnknown is part of the error of an Update whose COMMIT had no answer: the
// transaction may be committed. After any other error it is not.
var ErrCommitUnknown = errors.New("store: the COMMIT had no answer; the transaction may be committed")

// GroupTable begins the transaction of a group of orders. The tables of orders, wallets,
// coupons, stocks, keys and events write many rows at once, so that the group takes two
// round trips.
type GroupTable interface {
	// Lock claims the keys, reads the products, and locks wallets, coupons and stocks, in
	// this order and each by id. It is one round trip.
	//
	// Rows that another transaction has locked are skipped, except those of Wait: Lock
	// waits until these are free.
	Lock(ctx context.Context, needs GroupNeeds) (GroupState, error)
}

// GroupNeeds names what a group of orders needs. A value that is given twice counts once.
type GroupNeeds struct {
	GroupRows

	Keys []Key
	Wait GroupRows // the rows to wait for, which are among the others
}

// GroupRows names rows of a group.
type GroupRows struct {
	Wallets  []id.ID // by user
	Coupons  []NamedCoupon
	Products []int64
}

// NamedCoupon is a coupon as a user names it: by its own id or by the id of its offer.
type NamedCoupon struct{ User, Named id.ID }

// GroupState is what Lock has found.
type GroupState struct {
	Claims map[Key]Claim
	// Products that exist, with their ids, names, prices, statuses and stocks only. A
	// stock may be out of date if it is not among Stocks.
	Products map[int64]product.Listing
	// Wallets and Stocks are locked. Those that are absent do not exist, or were skipped.
	Wallets map[id.ID]point.Wallet
	Stocks  map[int64]product.Stock
	// Coupons that exist.
	Coupons map[NamedCoupon]GroupCoupon
}

// GroupCoupon is a coupon of a group. One that was skipped is not locked, and may be out
// of date.
type GroupCoupon struct {
	coupon.IssuedCoupon

	Locked bool
}

// Claim is what is known of an idempotency key: the answer that is stored under it, or
// whether it belongs to this transaction now.
type Claim struct {
	Kept *Answer
	Mine bool
}

// KeptAnswer is an answer to be stored under a key.
type KeptAnswer struct {
	Key    Key
	Answer Answer
}

// TracedEvent is an event with the traceparent that it continues.
type TracedEvent struct {
	Event       event.Event
	Traceparent string
}
