package store

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Errors of idempotency keys.
var (
	ErrKeyReused = fault.New(fault.Unprocessable, "IDEMPOTENCY_KEY_REUSED",
		"this Idempotency-Key was used for a request with another body")
	ErrKeyInUse = fault.New(fault.Conflict, "IDEMPOTENCY_KEY_IN_USE",
		"a request with this Idempotency-Key is still running")
)

// Key is an idempotency key with its scope: the same text of another user, or on
// another route, is another key.
type Key struct {
	UserID id.ID
	Route  string // method and path pattern
	Key    string
}

// Answer is the stored answer to the first request with a key.
type Answer struct {
	Fingerprint []byte // of the request, see Fingerprint
	Status      int
	Location    string // Location header; empty if there was none
	Body        []byte
	At          time.Time
}

// KeyUse is what a user has of keys with an answer.
type KeyUse struct {
	Keys   int
	Oldest time.Time // when the oldest of those answers was given; zero if there is none
}

// Keys stores answers by idempotency key.
type Keys interface {
	// Claim returns the answer that is stored under the key, or nil if there is
	// none. Without an answer, the key belongs to the transaction until it ends:
	// a Claim of another transaction returns ErrKeyInUse. A claim is not stored,
	// so a crash leaves none behind.
	Claim(ctx context.Context, k Key) (*Answer, error)
	// Keep queues an answer, to be stored under the key.
	Keep(k Key, a Answer)
	// KeepAll queues answers, each to be stored under its key.
	KeepAll(answers []KeptAnswer)
	// Used returns how many keys of a user have an answer that was given at or after a
	// time. It counts up to most.
	Used(ctx context.Context, user id.ID, since time.Time, most int) (KeyUse, error)
	// Purge deletes up to limit answers that are older than the time given.
	Purge(ctx context.Context, before time.Time, limit int) (deleted int64, err error)
}
