package pgclient

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// tried is a breaker with a clock of its own, and what it told.
type tried struct {
	*breaker

	now   time.Time
	told  []state
	calls failsafe.Executor[transactions]
}

func try(b Breaker) *tried {
	t := &tried{now: time.Unix(0, 0)}
	t.breaker = newBreaker(b.completed(), func() time.Time { return t.now }, func(c change) {
		if c.from != "" {
			t.told = append(t.told, c.to)
		}
	})
	t.calls = failsafe.With[transactions](t.breaker)
	return t
}

// call makes a call that takes a while and ends so. It reports whether it was let through.
func (t *tried) call(took time.Duration, err error) (through bool) {
	_, _ = t.calls.Get(func() (transactions, error) {
		through = true
		t.now = t.now.Add(took)
		return nil, err
	})
	return through
}

// after is what it has told after so many calls that ended so.
func (t *tried) after(n int, took time.Duration, err error) []state {
	t.calledTimes(n, took, err)
	return t.told
}

func (t *tried) calledTimes(n int, took time.Duration, err error) (through int) {
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

// A gateway that is well refuses 40 of 100 requests. Here a million requests go
// to one, and not one is turned away.
func TestAHealthyGatewayNeverOpensTheBreaker(t *testing.T) {
	t.Parallel()
	const seeds, calls = 10, 100_000
	worst := 0
	for seed := range uint64(seeds) {
		random, b := rand.New(rand.NewPCG(seed, 40)), try(Breaker{})
		for range calls {
			var err error
			if random.Float64() < 0.4 {
				err = errLost
			}
			if !b.call(time.Duration(100+random.IntN(401))*time.Millisecond, err) {
				t.Fatalf("seed %d: a call was turned away", seed)
			}
			worst = max(worst, b.breaker.calls.failed)
		}
		if len(b.told) > 0 {
			t.Errorf("seed %d: %v", seed, b.told)
		}
	}
	t.Logf("%d calls; at worst %d of 100 failed, where 75 open", seeds*calls, worst)
}

func TestADeadGatewayOpensItWithinTheWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := try(Breaker{})
		// It was well before, for any while, and one in ten may still get through.
		for range rapid.IntRange(0, 1000).Draw(t, "calls before") {
			b.call(0, nil)
		}
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 0))
		for n := 0; len(b.told) == 0; n++ {
			if n == b.Window+b.Window/10 {
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

func TestNothingIsJudgedByAHandfulOfCalls(t *testing.T) {
	t.Parallel()
	b := try(Breaker{})
	if told := b.after(49, 0, errLost); len(told) != 0 {
		t.Fatalf("49 calls: %v", b.told)
	}
	if told := b.after(1, 0, errLost); len(told) != 1 || b.call(0, nil) {
		t.Errorf("50 calls failed, and it is not open: %v", b.told)
	}
}

func TestTheRateIsThatOfTheWindowAlone(t *testing.T) {
	t.Parallel()
	b := try(Breaker{})
	b.calledTimes(10_000, 0, nil)
	if told := b.after(74, 0, errLost); len(told) != 0 {
		t.Fatalf("74 of 100: %v", b.told)
	}
	if told := b.after(1, 0, errLost); len(told) != 1 {
		t.Error("75 of 100, and it is closed")
	}
}

func TestSlowCallsOpenItToo(t *testing.T) {
	t.Parallel()
	b := try(Breaker{})
	if told := b.after(1000, 2*time.Second-1, nil); len(told) != 0 {
		t.Fatalf("calls that are not slow: %v", b.told)
	}
	if told := b.after(89, 2*time.Second, nil); len(told) != 0 {
		t.Fatalf("89 of 100 were slow: %v", b.told)
	}
	if told := b.after(1, 2*time.Second, nil); len(told) != 1 {
		t.Error("90 of 100 were slow, and it is closed")
	}
}

func TestNeitherANoNorACallerThatLeavesSpeaksAgainstTheGateway(t *testing.T) {
	t.Parallel()
	b := try(Breaker{})
	b.calledTimes(1000, 0, errNo)
	b.calledTimes(1000, time.Minute, errGone)
	b.calledTimes(1000, 0, &problem{ErrNotReached, throttled, errors.New("429")})
	if len(b.told) != 0 {
		t.Errorf("%v", b.told)
	}
}

// opened is a breaker that has just opened.
func opened(t *testing.T, c Breaker) *tried {
	t.Helper()
	b := try(c)
	if told := b.after(50, 0, errLost); len(told) != 1 || told[0] != open {
		t.Fatalf("50 failed calls: %v", b.told)
	}
	return b
}

func TestItStaysOpenForItsTimeAndThenTries(t *testing.T) {
	t.Parallel()
	b := opened(t, Breaker{})
	if b.now = b.now.Add(10*time.Second - 1); b.calledTimes(100, 0, nil) != 0 {
		t.Error("it let a call through before its time")
	}
	if b.now = b.now.Add(1); !b.call(0, nil) {
		t.Error("it let none through after its time")
	}
	if diff := cmp.Diff([]state{open, halfOpen}, b.told); diff != "" {
		t.Error(diff)
	}
}

func TestTrialsDecideAsSoonAsTheyCan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		good, bad, slow int // trials, in this order
		want            []state
	}{
		"two fared well: eight may still fail": {2, 0, 0, []state{open, halfOpen}},
		"three fared well: seven are too few":  {3, 0, 0, []state{open, halfOpen, closed}},
		"seven failed: they may be all":        {0, 7, 0, []state{open, halfOpen}},
		"eight failed: it is no better":        {0, 8, 0, []state{open, halfOpen, open}},
		"two fared well, eight failed":         {2, 8, 0, []state{open, halfOpen, open}},
		"two fared well, slowly":               {0, 0, 8, []state{open, halfOpen}},
		"nine were slow":                       {0, 0, 9, []state{open, halfOpen, open}},
		"three well and the rest is slow":      {3, 0, 20, []state{open, halfOpen, closed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := opened(t, Breaker{})
			b.now = b.now.Add(10 * time.Second)
			b.calledTimes(c.good, 0, nil)
			b.calledTimes(c.bad, 0, errLost)
			b.calledTimes(c.slow, 2*time.Second, nil)
			if diff := cmp.Diff(c.want, b.told); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOnlySoManyAreOnTrialAtOnce(t *testing.T) {
	t.Parallel()
	b := opened(t, Breaker{})
	b.now = b.now.Add(10 * time.Second)
	var terms []uint64
	for {
		term, may := b.enter()
		if !may {
			break
		}
		terms = append(terms, term)
	}
	if len(terms) != 10 {
		t.Fatalf("%d on trial, want 10", len(terms))
	}
	b.forget(terms[0])
	if !b.call(0, nil) {
		t.Error("who left without an answer still holds a permit")
	}
}

// The calls that were under way when it opened end while it is half open: they
// are of the time before.
func TestWhatBeganBeforeDoesNotCount(t *testing.T) {
	t.Parallel()
	b := try(Breaker{})
	var late []uint64
	for range 20 {
		term, _ := b.enter()
		late = append(late, term)
	}
	b.calledTimes(50, 0, errLost)
	b.now = b.now.Add(10 * time.Second)
	b.call(0, nil)
	for i, term := range late {
		b.leave(term, i%2 == 0, 0)
		if i%3 == 0 {
			b.forget(term)
		}
	}
	if diff := cmp.Diff([]state{open, halfOpen}, b.told); diff != "" || b.breaker.calls.n != 1 || b.trials != 1 {
		t.Errorf("%d calls count, %d permits are out; %s", b.breaker.calls.n, b.trials, diff)
	}
}

// The window against a plain list of the calls.
func TestTheWindowCountsTheLastCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		w, all := window{ring: make([]call, size)}, []call(nil)
		for range rapid.IntRange(0, 100).Draw(t, "calls") {
			c := call{rapid.Bool().Draw(t, "failed"), rapid.Bool().Draw(t, "slow")}
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

// A gateway dies, comes back, and all of it can be seen.
func TestABreakerCanBeSeenAtWork(t *testing.T) {
	t.Parallel()
	inBubbleWith(t, Config{Attempts: 1}, func(g *gateway) {
		t := g.t
		in := func(want state) {
			t.Helper()
			synctest.Wait()
			for _, s := range []state{closed, open, halfOpen} {
				if is := g.metric("commerce_gateway_breaker_state", "state="+string(s)) == 1; is != (s == want) {
					t.Errorf("it is %s: %v, and should be %s", s, is, want)
				}
			}
		}
		get := func(n int) (answered int) {
			for range n {
				if _, err := g.client.Get(t.Context(), user, key); err == nil {
					answered++
				}
			}
			return answered
		}
		in(closed)
		g.leave(errors.New("dead"))
		get(60)
		in(open)
		if g.dials != 50 {
			t.Errorf("%d dials, want 50 and then peace", g.dials)
		}
		g.leave(nil)
		time.Sleep(10 * time.Second)
		if n := get(1); n != 1 {
			t.Error("it is back, and nobody may ask it")
		}
		in(halfOpen)
		get(2)
		in(closed)
		for _, s := range []state{open, halfOpen, closed} {
			if n := g.metric("commerce_gateway_breaker_transitions_total", "to="+string(s)); n != 1 {
				t.Errorf("it became %s %v times", s, n)
			}
		}
		for outcome, want := range map[outcome]float64{unreachable: 50, breakerOpen: 10, answered: 3} {
			if n := g.metric("commerce_gateway_calls_total", "call=get,outcome="+string(outcome)); n != want {
				t.Errorf("%v calls %s, want %v", n, outcome, want)
			}
		}
		if n := g.metric("commerce_gateway_call_seconds", "call=get"); n != 53 {
			t.Errorf("%v calls were timed, want 53", n)
		}
		lines := `level=WARN msg="the breaker of the payment gateway changes" from=closed to=open calls=50 failed=50 slow=0
level=INFO msg="the breaker of the payment gateway changes" from=open to=half_open calls=0 failed=0 slow=0
level=INFO msg="the breaker of the payment gateway changes" from=half_open to=closed calls=3 failed=0 slow=0
`
		if diff := cmp.Diff(lines, untimed(g.log.String())); diff != "" {
			t.Error(diff)
		}
	}, shows(t, 200, "transaction"))
}
