package pgclient

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"pgregory.net/rapid"
)

// testBreaker is a breaker with its own clock, and its transitions.
type testBreaker struct {
	*breaker

	now    time.Time
	states []state
	calls  failsafe.Executor[transactions]
}

func newTestBreaker(b Breaker) *testBreaker {
	t := &testBreaker{now: time.Unix(0, 0)}
	t.breaker = newBreaker(b.completed(), func() time.Time { return t.now }, func(c transition) {
		if c.from != "" {
			t.states = append(t.states, c.to)
		}
	})
	t.calls = failsafe.With[transactions](t.breaker)
	return t
}

// call makes a call that takes some time and ends with err. It reports whether the call was
// let through.
func (t *testBreaker) call(took time.Duration, err error) (through bool) {
	_, _ = t.calls.Get(func() (transactions, error) {
		through = true
		t.now = t.now.Add(took)
		return nil, err
	})
	return through
}

// after returns the transitions after n such calls.
func (t *testBreaker) after(n int, took time.Duration, err error) []state {
	t.calledTimes(n, took, err)
	return t.states
}

func (t *testBreaker) calledTimes(n int, took time.Duration, err error) (through int) {
	for range n {
		if t.call(took, err) {
			through++
		}
	}
	return through
}

var (
	errNo   = &problem{ErrRefused, refused, errors.New("no")}
	errLost = &problem{ErrUncertain, uncertain, errors.New("500")}
	errGone = &problem{ErrUncertain, abandoned, errors.New("the caller left")}
)

// A healthy gateway fails 40 of 100 requests. The breaker lets a million of them through.
func TestAHealthyGatewayNeverOpensTheBreaker(t *testing.T) {
	t.Parallel()
	const seeds, calls = 10, 100_000
	worst := 0
	for seed := range uint64(seeds) {
		random, b := rand.New(rand.NewPCG(seed, 40)), newTestBreaker(Breaker{})
		for range calls {
			term, may := b.enter()
			if !may {
				t.Fatalf("seed %d: a call was rejected", seed)
			}
			b.leave(term, random.Float64() < 0.4, time.Duration(100+random.IntN(401))*time.Millisecond)
			worst = max(worst, b.breaker.calls.failed)
		}
		if len(b.states) > 0 {
			t.Errorf("seed %d: %v", seed, b.states)
		}
	}
	t.Logf("%d calls; at worst %d of 100 failed, where 75 open", seeds*calls, worst)
}

func TestADeadGatewayOpensTheBreakerWithinTheWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newTestBreaker(Breaker{})
		// It was healthy before for any time, and one call in ten may still succeed.
		for range rapid.IntRange(0, 1000).Draw(t, "calls before") {
			b.call(0, nil)
		}
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 0))
		for n := 0; len(b.states) == 0; n++ {
			if n == b.config.Window+b.config.Window/10 {
				t.Fatalf("after %d calls it is still closed: %d failed", n, b.breaker.calls.failed)
			}
			err := error(errLost)
			if random.IntN(10) == 0 {
				err = nil
			}
			b.call(0, err)
		}
	})
}

func TestAFewCallsDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	b := newTestBreaker(Breaker{})
	if states := b.after(49, 0, errLost); len(states) != 0 {
		t.Fatalf("49 calls: %v", b.states)
	}
	if states := b.after(1, 0, errLost); len(states) != 1 || b.call(0, nil) {
		t.Errorf("50 calls failed, and it is not open: %v", b.states)
	}
}

func TestOnlyTheCallsOfTheWindowCount(t *testing.T) {
	t.Parallel()
	b := newTestBreaker(Breaker{})
	b.calledTimes(10_000, 0, nil)
	if states := b.after(74, 0, errLost); len(states) != 0 {
		t.Fatalf("74 of 100: %v", b.states)
	}
	if states := b.after(1, 0, errLost); len(states) != 1 {
		t.Error("75 of 100, and it is closed")
	}
}

func TestSlowCallsOpenTheBreaker(t *testing.T) {
	t.Parallel()
	b := newTestBreaker(Breaker{})
	if states := b.after(1000, 2*time.Second-1, nil); len(states) != 0 {
		t.Fatalf("calls that are not slow: %v", b.states)
	}
	if states := b.after(89, 2*time.Second, nil); len(states) != 0 {
		t.Fatalf("89 of 100 were slow: %v", b.states)
	}
	if states := b.after(1, 2*time.Second, nil); len(states) != 1 {
		t.Error("90 of 100 were slow, and it is closed")
	}
}

func TestRefusalsAndCallersThatGiveUpAreNoFailures(t *testing.T) {
	t.Parallel()
	b := newTestBreaker(Breaker{})
	b.calledTimes(1000, 0, errNo)
	b.calledTimes(1000, time.Minute, errGone)
	b.calledTimes(1000, 0, &problem{ErrNotReached, throttled, errors.New("429")})
	if len(b.states) != 0 {
		t.Errorf("%v", b.states)
	}
}

// The window is compared with a list of the calls.
func TestTheWindowCountsTheLastCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		w, all := window{ring: make([]result, size)}, []result(nil)
		for range rapid.IntRange(0, 100).Draw(t, "calls") {
			c := result{rapid.Bool().Draw(t, "failed"), rapid.Bool().Draw(t, "slow")}
			w.add(c)
			all = append(all, c)
			var want window
			for _, c := range all[max(0, len(all)-size):] {
				want.count(c, 1)
			}
			if w.n != want.n || w.failed != want.failed || w.slow != want.slow {
				t.Fatalf("%+v, want %+v", w, want)
			}
		}
	})
}
