package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/leasetest"
)

// database is leases in memory. Its transactions fail with fail, if it is set; if
// silent is set, they commit and the answer is lost.
type database struct {
	store.DB
	leases       *leasetest.Table
	fail, silent error
	questions    int
}

func (d *database) Update(_ context.Context, fn func(store.Tx) error) error {
	d.questions++
	if d.fail != nil {
		return d.fail
	}
	if err := fn(store.Tx{Leases: d.leases}); err != nil {
		return err
	}
	return d.silent
}

var errAway = errors.New("the database is away")

// pair is two processes that want the same leases.
type pair struct {
	*testing.T

	db       *database
	ann, bob *store.Lease
	log      bytes.Buffer // ann's
}

// inPairs calls test in a bubble, with leases of nine seconds.
func inPairs(t *testing.T, test func(p *pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pair{T: t, db: &database{leases: &leasetest.Table{Clock: time.Now}}}
		open := func(holder string, log slog.Handler) *store.Lease {
			return store.NewLease(store.LeaseConfig{
				DB: p.db, Names: []string{"x", "y"}, Holder: holder, TTL: 9 * time.Second, Clock: time.Now, Log: slog.New(log),
			})
		}
		p.ann, p.bob = open("ann", slog.NewTextHandler(&p.log, nil)), open("bob", slog.DiscardHandler)
		p.demand(p.ann.Acquire(t.Context()), nil)
		test(p)
	})
}

func (p *pair) demand(got, want error) {
	p.Helper()
	if !errors.Is(got, want) {
		p.Errorf("got the error %v, want %v", got, want)
	}
}

func (p *pair) holds(l *store.Lease, want ...string) {
	p.Helper()
	if got := l.Held(); !slices.Equal(got, want) {
		p.Errorf("holds %v, want %v", got, want)
	}
}

func (p *pair) confirms(l *store.Lease, want error) {
	p.Helper()
	p.demand(p.db.Update(p.Context(), func(tx store.Tx) error { return l.Confirm(p.Context(), tx, "x") }), want)
}

// logged demands that ann has logged one gain, and so many losses and releases.
func (p *pair) logged(lost, released int) {
	p.Helper()
	for line, want := range map[string]int{"leases gained": 1, "leases lost": lost, "leases released": released} {
		if got := strings.Count(p.log.String(), line); got != want {
			p.Errorf("%q was logged %d times, want %d:\n%s", line, got, want, &p.log)
		}
	}
}

func TestALeaseIsAskedForAtMostThreeTimesInItsLife(t *testing.T) {
	t.Parallel()
	inPairs(t, func(p *pair) {
		for range 90 { // steps of a tenth of a second
			time.Sleep(100 * time.Millisecond)
			p.demand(p.ann.Renew(p.Context()), nil)
			p.demand(p.ann.Acquire(p.Context()), nil)
		}
		if p.db.questions != 1+3 {
			p.Errorf("%d questions", p.db.questions)
		}
		p.holds(p.ann, "x", "y")
		p.logged(0, 0)
	})
}

func TestALeaseWithoutProgressGoesToAnother(t *testing.T) {
	t.Parallel()
	inPairs(t, func(p *pair) {
		p.demand(p.bob.Acquire(p.Context()), nil)
		p.holds(p.bob)
		p.confirms(p.bob, store.ErrLeaseLost)
		for range 12 { // ann works on, but nothing succeeds
			time.Sleep(time.Second)
			p.demand(p.ann.Acquire(p.Context()), nil)
			p.demand(p.bob.Acquire(p.Context()), nil)
		}
		p.holds(p.ann)
		p.holds(p.bob, "x", "y")
		p.confirms(p.ann, store.ErrLeaseLost)
		p.confirms(p.bob, nil)
		time.Sleep(2 * time.Second)
		p.demand(p.ann.Acquire(p.Context()), nil)
		p.logged(1, 0)
	})
}

// A lease that ran out, and that nobody has taken, is confirmed and renewed as if
// it had not: no other process has done anything under it.
func TestALeaseThatNobodyHasTakenIsRenewed(t *testing.T) {
	t.Parallel()
	inPairs(t, func(p *pair) {
		time.Sleep(time.Hour)
		p.holds(p.ann)
		p.confirms(p.ann, nil)
		p.demand(p.ann.Renew(p.Context()), nil)
		p.holds(p.ann, "x", "y")
		p.logged(0, 0)
	})
}

func TestAProcessWithoutADatabaseLosesItsLeases(t *testing.T) {
	t.Parallel()
	inPairs(t, func(p *pair) {
		p.db.fail = errAway
		time.Sleep(4 * time.Second)
		p.demand(p.ann.Renew(p.Context()), errAway)
		p.holds(p.ann, "x", "y")
		time.Sleep(5 * time.Second)
		p.holds(p.ann)
	})
}

// The database has taken the lease, but the answer is lost.
func TestALeaseWhoseAnswerWasLostIsReleased(t *testing.T) {
	t.Parallel()
	inPairs(t, func(p *pair) {
		p.ann.Release(p.Context())
		p.logged(0, 1)
		p.db.silent = errAway
		p.demand(p.ann.Acquire(p.Context()), errAway)
		p.holds(p.ann)
		p.db.silent = nil
		p.demand(p.bob.Acquire(p.Context()), nil)
		p.holds(p.bob)
		p.ann.Release(p.Context())
		time.Sleep(3 * time.Second)
		p.demand(p.bob.Acquire(p.Context()), nil)
		p.holds(p.bob, "x", "y")
	})
}

// A process wakes after its successor has finished and given the lease back: it must not
// begin another term and go on from where it was.
func TestALeaseOfOneTermIsNotTakenAgain(t *testing.T) {
	t.Parallel()
	inPairs(t, func(p *pair) {
		only := func(holder string) *store.Lease {
			return store.NewLease(store.LeaseConfig{
				DB: p.db, Names: []string{"z"}, Holder: holder, Clock: time.Now, Log: slog.New(slog.DiscardHandler), OneTerm: true,
			})
		}
		frozen, successor := only("ann"), only("bob")
		p.demand(frozen.Acquire(p.Context()), nil)
		time.Sleep(2 * store.LeaseTTL)
		p.demand(successor.Acquire(p.Context()), nil)
		p.holds(successor, "z")
		successor.Release(p.Context())
		for range 3 {
			p.demand(frozen.Renew(p.Context()), nil)
			p.holds(frozen)
			p.demand(p.db.Update(p.Context(), func(tx store.Tx) error { return frozen.Confirm(p.Context(), tx, "z") }), store.ErrLeaseLost)
			time.Sleep(store.LeaseTTL)
		}
		frozen.Release(p.Context())
		next := only("cho")
		p.demand(next.Acquire(p.Context()), nil)
		p.holds(next, "z")
	})
}
