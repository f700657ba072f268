// Package backoff spaces out the attempts at something that keeps failing.
package backoff

import (
	"context"
	"time"
)

// Random returns numbers from 0 up to, but not including, 1.
type Random func() float64

// Backoff doubles the wait from attempt to attempt. Half of each wait is random,
// so that callers that failed together do not come back together. It is for one
// goroutine.
type Backoff struct {
	first, limit time.Duration
	random       Random
	next         time.Duration
}

// New returns waits that grow from first to limit. If random is nil, nothing is
// random: the waits are as long as they can be.
func New(first, limit time.Duration, random Random) *Backoff {
	if random == nil {
		random = func() float64 { return 1 }
	}
	return &Backoff{first: first, limit: limit, random: random, next: first}
}

// Next returns how long to wait before the next attempt: between half of the
// present step and all of it.
func (b *Backoff) Next() time.Duration {
	half := b.next / 2
	b.next = min(2*b.next, b.limit)
	return half + time.Duration(b.random()*float64(half))
}

// Reset starts over, after a success.
func (b *Backoff) Reset() { b.next = b.first }

// Wait waits for d. It reports whether d has passed; false means that ctx ended
// first.
func Wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
