package store

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Faults of idempotency keys.
var (
	ErrKeyReused = fault.New(fault.Unprocessable, "IDEMPOTENCY_KEY_REUSED",
		"this Idempotency-Key was used for a request with another body")
	ErrKeyInUse = fault.New(fault.Conflict, "IDEMPOTENCY_KEY_IN_USE",
		"a request with this Idempotency-Key is still running")
)

// Key is an idempotency key in the scope that it counts in.
type Key struct {
	UserID id.ID
	Route  string // method and path pattern
	Key    string
}

// Answer is what was answered to the first request with a key.
type Answer struct {
	Fingerprint []byte // of the request's body
	Status      int
	Location    string // Location header; empty if there was none
	Body        []byte
	At          time.Time
}

// Keys keeps answers by idempotency key.
type Keys interface {
	// Claim returns the answer kept under the key, or nil if there is none. In
	// that case the key is the transaction's until it ends: another one that
	// claims it meanwhile gets ErrKeyInUse. A claim dies with its transaction,
	// so a crash leaves none behind.
	Claim(ctx context.Context, k Key) (*Answer, error)
	// Keep queues the answer.
	Keep(k Key, a Answer)
	// Purge deletes answers older than the time given, at most limit of them.
	Purge(ctx context.Context, before time.Time, limit int) (deleted int64, err error)
}
