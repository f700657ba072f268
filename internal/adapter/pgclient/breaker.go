package pgclient

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Breaker configures the circuit breaker. A field that is zero has the value in its
// comment.
//
// A healthy gateway fails 40 of 100 calls, so the failure rate is far above that, and
// a few calls do not decide anything.
type Breaker struct {
	Window      int           // how many of the last calls count: 100
	Minimum     int           // how many calls there must be to open it: 50
	FailureRate float64       // share of failed calls that opens it: 0.75
	SlowCall    time.Duration // a call that takes so long is slow: 2 s
	SlowRate    float64       // share of slow calls that opens it: 0.9
	OpenFor     time.Duration // how long it stays open before it is half open: 10 s
	Permits     int           // how many calls it lets through while it is half open: 10
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
		return errors.New("the breaker's times and permits must be positive")
	}
	return nil
}

// state is the state of a circuit breaker.
type state string

const (
	closed   state = "closed"    // lets every call through
	open     state = "open"      // lets no call through
	halfOpen state = "half_open" // lets a few calls through as probes
)

// breaker is a circuit breaker with a count-based window of calls.
type breaker struct {
	config   Breaker
	clock    clock.Clock
	onChange func(transition) // called in order, with the lock held

	mu     sync.Mutex
	state  state
	term   uint64    // grows with each transition: a call counts only in the state that it began in
	until  time.Time // while it is open
	probes int       // calls let through while half open
	calls  window    // of this state
}

func newBreaker(b Breaker, c clock.Clock, onChange func(transition)) *breaker {
	n := &breaker{config: b, clock: c, onChange: onChange}
	n.become(closed)
	return n
}

// enter asks to make a call. leave or forget must follow, with the term.
func (b *breaker) enter() (term uint64, allowed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == open && !b.clock().Before(b.until) {
		b.become(halfOpen)
	}
	if b.state == open || b.state == halfOpen && b.probes == b.config.Permits {
		return 0, false
	}
	b.probes++
	return b.term, true
}

// leave counts a call that has ended.
func (b *breaker) leave(term uint64, failed bool, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if term == b.term {
		b.calls.add(result{failed, took >= b.config.SlowCall})
		b.judge()
	}
}

// forget drops a call that says nothing about the gateway.
func (b *breaker) forget(term uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if term == b.term {
		b.probes--
	}
}

func (b *breaker) judge() {
	switch b.state {
	case closed:
		if n := b.calls.n; n >= b.config.Minimum && b.bad(n) {
			b.become(open)
		}
	case halfOpen:
		b.judgeProbes()
	case open: // no call is in progress
	}
}

// judgeProbes decides as soon as the probes that are still to come cannot change the
// decision.
func (b *breaker) judgeProbes() {
	left := b.config.Permits - b.calls.n
	switch worst := float64(b.config.Permits); {
	case b.bad(b.config.Permits):
		b.become(open)
	case float64(b.calls.failed+left) < b.config.FailureRate*worst && float64(b.calls.slow+left) < b.config.SlowRate*worst:
		b.become(closed)
	}
}

// bad reports whether too many of n calls failed or were slow.
func (b *breaker) bad(n int) bool {
	return float64(b.calls.failed) >= b.config.FailureRate*float64(n) || float64(b.calls.slow) >= b.config.SlowRate*float64(n)
}

func (b *breaker) become(next state) {
	c := transition{from: b.state, to: next, calls: b.calls.n, failed: b.calls.failed, slow: b.calls.slow}
	b.state, b.probes = next, 0
	b.term++
	size := b.config.Window
	if next == halfOpen {
		size = b.config.Permits
	}
	b.calls = window{ring: make([]result, size)}
	if next == open {
		b.until = b.clock().Add(b.config.OpenFor)
	}
	b.onChange(c)
}

// result is the result of one call.
type result struct{ failed, slow bool }

// window counts the results of the last calls.
type window struct {
	ring                  []result
	next, n, failed, slow int
}

func (w *window) add(c result) {
	if w.n == len(w.ring) {
		w.count(w.ring[w.next], -1)
	}
	w.ring[w.next] = c
	w.next = (w.next + 1) % len(w.ring)
	w.count(c, 1)
}

func (w *window) count(c result, by int) {
	w.n += by
	if c.failed {
		w.failed += by
	}
	if c.slow {
		w.slow += by
	}
}
