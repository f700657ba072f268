package pgclient

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// opened returns a breaker that has just opened.
func opened(t *testing.T, c Breaker) *testBreaker {
	t.Helper()
	b := newTestBreaker(c)
	if states := b.after(50, 0, errLost); len(states) != 1 || states[0] != open {
		t.Fatalf("50 failed calls: %v", b.states)
	}
	return b
}

func TestAnOpenBreakerIsHalfOpenAfterItsTime(t *testing.T) {
	t.Parallel()
	b := opened(t, Breaker{})
	if b.now = b.now.Add(10*time.Second - 1); b.calledTimes(100, 0, nil) != 0 {
		t.Error("it let a call through before its time")
	}
	if b.now = b.now.Add(1); !b.call(0, nil) {
		t.Error("it let none through after its time")
	}
	if diff := cmp.Diff([]state{open, halfOpen}, b.states); diff != "" {
		t.Error(diff)
	}
}

func TestProbesDecideAsSoonAsPossible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		good, bad, slow int // probes, in this order
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
			if diff := cmp.Diff(c.want, b.states); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestThereMayBeMoreProbesThanTheWindowHolds(t *testing.T) {
	t.Parallel()
	b := newTestBreaker(Breaker{Window: 2})
	b.calledTimes(2, 0, errLost)
	b.now = b.now.Add(10 * time.Second)
	if diff := cmp.Diff([]state{open, halfOpen, closed}, b.after(3, 0, nil)); diff != "" {
		t.Error(diff)
	}
}

func TestTheNumberOfProbesIsLimited(t *testing.T) {
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
		t.Fatalf("%d probes, want 10", len(terms))
	}
	b.forget(terms[0])
	if !b.call(0, nil) {
		t.Error("who left without an answer still holds a permit")
	}
}

// Calls that were in progress when the breaker opened end while it is half open. They do not
// count.
func TestCallsThatBeganInAnEarlierStateDoNotCount(t *testing.T) {
	t.Parallel()
	b := newTestBreaker(Breaker{})
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
	if diff := cmp.Diff([]state{open, halfOpen}, b.states); diff != "" || b.breaker.calls.n != 1 || b.probes != 1 {
		t.Errorf("%d calls count, %d probes are out; %s", b.breaker.calls.n, b.probes, diff)
	}
}

// The gateway goes away and comes back.
func TestTheMetricsAndTheLogShowTheBreaker(t *testing.T) {
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
		find := func(n int) (answered int) {
			for range n {
				if _, err := g.client.find(t.Context(), user, orderID); err == nil {
					answered++
				}
			}
			return answered
		}
		in(closed)
		g.leave(errors.New("dead"))
		find(60)
		in(open)
		if g.dials != 50 {
			t.Errorf("%d dials, want 50", g.dials)
		}
		g.leave(nil)
		time.Sleep(10 * time.Second)
		if n := find(1); n != 1 {
			t.Error("no probe was let through")
		}
		in(halfOpen)
		find(2)
		in(closed)
		for _, s := range []state{open, halfOpen, closed} {
			if n := g.metric("commerce_gateway_breaker_transitions_total", "to="+string(s)); n != 1 {
				t.Errorf("it became %s %v times", s, n)
			}
		}
		for outcome, want := range map[outcome]float64{unreachable: 50, breakerOpen: 10, answered: 3} {
			if n := g.metric("commerce_gateway_calls_total", "call=find,outcome="+string(outcome)); n != want {
				t.Errorf("%v calls %s, want %v", n, outcome, want)
			}
		}
		if n := g.metric("commerce_gateway_call_seconds", "call=find"); n != 53 {
			t.Errorf("%v calls were timed, want 53", n)
		}
		lines := `level=WARN msg="the circuit breaker of the payment gateway has changed its state" from=closed to=open calls=50 failed=50 slow=0
level=INFO msg="the circuit breaker of the payment gateway has changed its state" from=open to=half_open calls=0 failed=0 slow=0
level=INFO msg="the circuit breaker of the payment gateway has changed its state" from=half_open to=closed calls=3 failed=0 slow=0
`
		if diff := cmp.Diff(lines, untimed(g.log.String())); diff != "" {
			t.Error(diff)
		}
	}, shows(t, 200, "transactions"))
}

func TestAnOpenBreakerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		g.leave(errors.New("dead"))
		for range 20 { // three attempts each
			_, _ = g.client.find(t.Context(), user, orderID)
		}
		began := time.Now()
		_, err := g.client.find(t.Context(), user, orderID)
		r := request(t.Context(), g.client, paymentID, charge())
		if took := time.Since(began); took > 0 || !errors.Is(err, ErrNotReached) || r.Kind != payment.NotReached {
			t.Errorf("%v and %+v after %v", err, r, took)
		}
		if g.dials != 50 {
			t.Errorf("%d dials, want 50", g.dials)
		}
	}, shows(t, 200, "transaction"))
}
