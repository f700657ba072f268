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

func at(start time.Time) (*breaker, *time.Time) {
	now := start
	return newBreaker(Patience, func() time.Time { return now }, slog.New(slog.DiscardHandler)), &now
}

var start = time.Unix(1_700_000_000, 0)

// probes is a Redis that is asked for an answer.
type probes struct {
	asked  atomic.Int64
	answer chan answer
}

type answer struct {
	took time.Duration
	err  error
}

func newProbes() *probes { return &probes{answer: make(chan answer)} }

func (p *probes) ask() (time.Duration, error) {
	p.asked.Add(1)
	a := <-p.answer
	return a.took, a.err
}

func TestABreakerRefusesUntilAProbeHasAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, now := at(start)
		p := newProbes()
		if !b.allow(p.ask) {
			t.Fatal("the first call is refused")
		}
		b.record(errDown, false)
		for _, failure := range []error{errDown, errDown, nil} {
			if b.allow(p.ask) {
				t.Error("a call right after a failure is permitted")
			}
			*now = now.Add(openFor)
			for range 3 {
				if b.allow(p.ask) {
					t.Error("a call is permitted before Redis has answered")
				}
			}
			p.answer <- answer{err: failure}
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
	b, _ := at(start)
	b.allow(nil)
	b.record(errDown, true)
	if !b.allow(nil) {
		t.Fatal("the breaker is open")
	}
}

func TestAnErrorReplyDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	b, _ := at(start)
	b.allow(nil)
	b.record(reply("OOM command not allowed"), false)
	if !b.allow(nil) {
		t.Error("the breaker is open")
	}
}

func TestACustomerWhoWaitedTooLongSparesTheOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer     answer
		customers  bool
		background bool
	}{
		"it was a pause":             {answer{took: Patience / 2}, true, true},
		"it is slow":                 {answer{took: time.Second}, false, true},
		"it is slow, and refuses":    {answer{took: time.Second, err: reply("OOM")}, false, true},
		"it refuses":                 {answer{err: reply("OOM")}, true, true},
		"it does not answer":         {answer{took: time.Second, err: errDown}, false, false},
		"it does not answer at once": {answer{err: errDown}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, now := at(start)
				b.took(time.Millisecond) // the first patience is over
				p := newProbes()
				b.suspect(p.ask)
				b.suspect(p.ask) // another one who waited at the same time
				if b.allowCustomer(p.ask) {
					t.Error("a customer is permitted while Redis is suspect")
				}
				if !b.allow(p.ask) {
					t.Error("background work is refused while Redis is only suspect")
				}
				p.answer <- c.answer
				synctest.Wait()
				if got := b.allowCustomer(p.ask); got != c.customers {
					t.Errorf("a customer is permitted: %t", got)
				}
				if got := b.allow(p.ask); got != c.background {
					t.Errorf("background work is permitted: %t", got)
				}
				if n := p.asked.Load(); n != 1 {
					t.Errorf("%d probes", n)
				}
				if c.customers {
					return
				}
				*now = now.Add(openFor)
				b.allow(p.ask)
				p.answer <- answer{took: time.Millisecond}
				synctest.Wait()
				if !b.allowCustomer(p.ask) || !b.allow(p.ask) {
					t.Error("a call is refused although Redis answers in time again")
				}
			})
		})
	}
}

// Background work that succeeds says nothing about whether Redis answers in time.
func TestASlowRedisStaysSlowForCustomersWhileBackgroundWorkSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, _ := at(start)
		p := newProbes()
		b.suspect(p.ask)
		p.answer <- answer{took: time.Second}
		synctest.Wait()
		b.record(nil, false)
		if b.allowCustomer(p.ask) {
			t.Error("a customer is permitted")
		}
	})
}

func TestPatienceFollowsWhatIsUsual(t *testing.T) {
	t.Parallel()
	u := usual{least: Patience}
	if got := u.limit(); got != firstPatience {
		t.Errorf("the first customer waits for %v", got)
	}
	for _, c := range []struct {
		usual time.Duration
		limit time.Duration
	}{
		{-time.Second, Patience}, {500 * time.Microsecond, Patience}, {10 * time.Millisecond, Patience},
		{30 * time.Millisecond, 30 * time.Millisecond}, {80 * time.Millisecond, MostPatience}, {time.Millisecond, Patience},
	} {
		for range 100 {
			u.add(c.usual)
		}
		if got := u.limit(); got.Round(time.Millisecond) != c.limit {
			t.Errorf("if %v is usual, a customer waits for %v, not %v", c.usual, got, c.limit)
		}
	}
	for n := range 100 { // as often 2 ms as 8 ms
		u.add(time.Duration(2+n%2*6) * time.Millisecond)
	}
	if got := u.limit(); got < Patience || got > 20*time.Millisecond {
		t.Errorf("a customer waits for %v", got)
	}
}
