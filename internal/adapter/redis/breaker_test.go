package redis

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("connection refused")

// reply is an error that Redis answers.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func newBreaker() (*breaker, *time.Time) {
	now := time.Unix(1_700_000_000, 0)
	return &breaker{now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}, &now
}

// probes is a Redis that is asked for an answer.
type probes struct {
	asked  atomic.Int64
	answer chan error
}

func newProbes() *probes { return &probes{answer: make(chan error)} }

func (p *probes) ask() error {
	p.asked.Add(1)
	return <-p.answer
}

func TestABreakerRefusesUntilAProbeHasAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, now := newBreaker()
		p := newProbes()
		if !b.allow(p.ask) {
			t.Fatal("the first call is refused")
		}
		b.record(errDown, false)
		for _, answer := range []error{errDown, errDown, nil} {
			if b.allow(p.ask) {
				t.Error("a call right after a failure is permitted")
			}
			*now = now.Add(openFor)
			for range 3 {
				if b.allow(p.ask) {
					t.Error("a call is permitted before Redis has answered")
				}
			}
			p.answer <- answer
			synctest.Wait()
		}
		if n := p.asked.Load(); n != 3 {
			t.Errorf("%d probes", n)
		}
		first, second := b.allow(p.ask), b.allow(p.ask)
		if !first || !second {
			t.Error("a call is refused after an answer")
		}
	})
}

func TestACancelledCallDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	b, _ := newBreaker()
	b.allow(nil)
	b.record(errDown, true)
	if !b.allow(nil) {
		t.Fatal("the breaker is open")
	}
}

func TestAnErrorReplyDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	b, _ := newBreaker()
	b.allow(nil)
	b.record(reply("OOM command not allowed"), false)
	if !b.allow(nil) {
		t.Error("the breaker is open")
	}
}
