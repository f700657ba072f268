package pgclient

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Breaker is when to leave the gateway alone. Figures that are zero are what
// the comment says.
//
// A gateway that is well refuses 40 of 100 calls, so the rate is far above
// that, and nothing is judged by a handful of calls.
type Breaker struct {
	Window      int           // calls that are looked at: 100
	Minimum     int           // calls without which nothing is judged: 50
	FailureRate float64       // of the window, from which on it opens: 0.75
	SlowCall    time.Duration // from which on a call is slow: 2 s
	SlowRate    float64       // of the window, from which on it opens: 0.9
	OpenFor     time.Duration // before calls are let through on trial: 10 s
	Permits     int           // calls on trial: 10
}

func (b Breaker) completed() Breaker {
	const window, minimum, failures, slow, slows, open, permits = 100, 50, 0.75, 2 * time.Second, 0.9, 10 * time.Second, 10
	b.Window = cmp.Or(b.Window, window)
	b.Minimum = cmp.Or(b.Minimum, min(minimum, b.Window))
	b.FailureRate = cmp.Or(b.FailureRate, failures)
	b.SlowCall = cmp.Or(b.SlowCall, slow)
	b.SlowRate = cmp.Or(b.SlowRate, slows)
	b.OpenFor = cmp.Or(b.OpenFor, open)
	b.Permits = cmp.Or(b.Permits, permits)
	return b
}

func (b Breaker) check() error {
	switch {
	case b.Minimum < 1 || b.Minimum > b.Window:
		return errors.New("the breaker's minimum must be from 1 to its window")
	case b.FailureRate <= 0 || b.FailureRate > 1 || b.SlowRate <= 0 || b.SlowRate > 1:
		return errors.New("the breaker's rates must be above 0, and 1 at most")
	case b.SlowCall <= 0 || b.OpenFor <= 0 || b.Permits < 1:
		return errors.New("the breaker's times and permits must be more than nothing")
	}
	return nil
}

// state is what a breaker does with a call.
type state string

const (
	closed   state = "closed"    // lets it through
	open     state = "open"      // turns it away
	halfOpen state = "half_open" // lets a few through, to see how they fare
)

// breaker is a circuit breaker over a window of calls.
type breaker struct {
	Breaker

	clock clock.Clock
	tell  func(change) // called in order, with the lock held

	mu     sync.Mutex
	state  state
	term   uint64    // grows with each change: a call tells nothing about a state that it did not begin in
	until  time.Time // it is open
	trials int       // permits that were given out while half open
	calls  window    // of this state
}

func newBreaker(b Breaker, c clock.Clock, tell func(change)) *breaker {
	n := &breaker{Breaker: b, clock: c, tell: tell}
	n.become(closed)
	return n
}

// enter asks to make a call. The term has to be handed back with how it ended.
func (b *breaker) enter() (term uint64, may bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == open && !b.clock().Before(b.until) {
		b.become(halfOpen)
	}
	if b.state == open || b.state == halfOpen && b.trials == b.Permits {
		return 0, false
	}
	b.trials++
	return b.term, true
}

// leave notes how a call ended.
func (b *breaker) leave(term uint64, failed bool, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if term == b.term {
		b.calls.add(call{failed, took >= b.SlowCall})
		b.judge()
	}
}

// forget notes a call that ended without telling anything about the gateway.
func (b *breaker) forget(term uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if term == b.term {
		b.trials--
	}
}

func (b *breaker) judge() {
	switch b.state {
	case closed:
		if n := b.calls.n; n >= b.Minimum && b.bad(n) {
			b.become(open)
		}
	case halfOpen:
		b.judgeTrials()
	case open: // no call is under way
	}
}

// judgeTrials judges as soon as the trials that are still to come cannot change
// the judgement any more.
func (b *breaker) judgeTrials() {
	left := b.Permits - b.calls.n
	switch worst := float64(b.Permits); {
	case b.bad(b.Permits):
		b.become(open)
	case float64(b.calls.failed+left) < b.FailureRate*worst && float64(b.calls.slow+left) < b.SlowRate*worst:
		b.become(closed)
	}
}

// bad reports whether too many of n calls failed or were slow.
func (b *breaker) bad(n int) bool {
	return float64(b.calls.failed) >= b.FailureRate*float64(n) || float64(b.calls.slow) >= b.SlowRate*float64(n)
}

func (b *breaker) become(next state) {
	c := change{from: b.state, to: next, calls: b.calls.n, failed: b.calls.failed, slow: b.calls.slow}
	b.state, b.trials = next, 0
	b.term++
	size := b.Window
	if next == halfOpen {
		size = b.Permits
	}
	b.calls = window{ring: make([]call, size)}
	if next == open {
		b.until = b.clock().Add(b.OpenFor)
	}
	b.tell(c)
}

// call is how one call fared.
type call struct{ failed, slow bool }

// window counts the last calls.
type window struct {
	ring                  []call
	next, n, failed, slow int
}

func (w *window) add(c call) {
	if w.n == len(w.ring) {
		w.count(w.ring[w.next], -1)
	}
	w.ring[w.next] = c
	w.next = (w.next + 1) % len(w.ring)
	w.count(c, 1)
}

func (w *window) count(c call, by int) {
	w.n += by
	if c.failed {
		w.failed += by
	}
	if c.slow {
		w.slow += by
	}
}
