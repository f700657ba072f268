package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// ErrLeaseLost ends a transaction whose lease belongs to another holder now.
var ErrLeaseLost = errors.New("store: the lease is lost")

// LeaseTTL is how long a lease lasts that is not renewed, unless its
// LeaseConfig says otherwise.
const LeaseTTL = 5 * time.Second

// LeaseTerm is one holder's time with a lease. The token is a fencing token: it
// is greater than the tokens of all earlier terms of the name, and does not
// change when the lease is renewed. It is zero where no term has begun.
type LeaseTerm struct {
	Name  string
	Token int64
}

// LeaseTable keeps who holds which lease. It takes the time from the clock of the
// database, so the clock of a host has no effect on other hosts. A SQLite database
// belongs to one process, whose clock it uses.
type LeaseTable interface {
	// Acquire takes or renews leases until ttl from now, and returns those that
	// holder has then. A term that holder has already is renewed and keeps its
	// token. A new term begins for a lease that is free, that has run out, that
	// lasts longer than any lease can, or that holder has under
	// another token: a process that was started again under its old name.
	Acquire(ctx context.Context, holder string, ttl time.Duration, wanted []LeaseTerm) (held []LeaseTerm, err error)
	// Confirm returns ErrLeaseLost if the term is over because another one has
	// begun. Otherwise no other term begins before the transaction ends.
	Confirm(ctx context.Context, holder string, term LeaseTerm) error
	// Release queues the end of the holder's terms of the named leases.
	Release(holder string, names []string)
}

// LeaseConfig is what a Lease is made of.
type LeaseConfig struct {
	DB     DB
	Names  []string
	Holder string        // unique to the process
	TTL    time.Duration // LeaseTTL if it is zero
	// OneTerm is for work that Confirm fences: a lease that is lost is never taken again,
	// not even if it is free. Otherwise a process that was frozen could wake after its
	// successor has finished, begin another term, and go on from where it was.
	OneTerm bool
	Clock   clock.Clock // with a monotonic reading, as time.Now has
	Log     *slog.Logger
}

// A Lease lets one process at a time do some work. It has one name, or several names
// that are acquired together but may be held by different processes.
//
// It is renewed by the progress of the work, not by a timer: a worker calls
// Acquire before a piece of work and Renew after one that succeeded. Work that
// hangs or keeps failing therefore loses its leases within the TTL, and another
// process gets its turn. A lease can run out while its holder works on; where
// that does harm, the work has Confirm in its transactions.
//
// The methods may be called by several goroutines.
type Lease struct {
	config LeaseConfig

	mu          sync.Mutex
	terms       []LeaseTerm // as the database has said
	lastRenewal time.Time   // start of the last successful renewal
	over        bool        // the one term has ended
}

// NewLease returns a lease that is not held.
func NewLease(c LeaseConfig) *Lease {
	c.TTL = cmp.Or(c.TTL, LeaseTTL)
	return &Lease{config: c}
}

// Acquire asks the database for the leases if none of them is held. A holder that
// has let its leases run out, because its work failed, waits for half a TTL first, so
// that another process can take them.
func (l *Lease) Acquire(ctx context.Context) error {
	if l.heldOrBackingOff() {
		return nil
	}
	return l.Renew(ctx)
}

// heldOrBackingOff reports whether leases are held, or ran out a moment ago.
func (l *Lease) heldOrBackingOff() bool {
	now := l.config.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.terms) > 0 && now.Sub(l.lastRenewal) < l.config.TTL+l.config.TTL/2
}

// Renew tells that the work has made progress: it renews the leases that are
// held and takes those that are free. It asks the database once in a third of
// the TTL at most, so that it can be called after every step.
func (l *Lease) Renew(ctx context.Context) error {
	began := l.config.Clock()
	wanted, due := l.dueRenewal(began)
	if !due {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.TTL/3)
	defer cancel()
	var held []LeaseTerm
	err := l.config.DB.Update(ctx, func(tx Tx) (err error) {
		held, err = tx.Leases.Acquire(ctx, l.config.Holder, l.config.TTL, wanted)
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the lease %s: %w", l.config.Names[0], err)
	}
	l.applyTerms(held, began)
	return nil
}

// dueRenewal returns the terms to ask for, and whether it is time to ask.
func (l *Lease) dueRenewal(now time.Time) (wanted []LeaseTerm, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range l.config.Names {
		wanted = append(wanted, LeaseTerm{name, l.token(name)})
	}
	return wanted, !l.over && (l.lastRenewal.IsZero() || now.Sub(l.lastRenewal) >= l.config.TTL/3)
}

func (l *Lease) token(name string) int64 {
	for _, term := range l.terms {
		if term.Name == name {
			return term.Token
		}
	}
	return 0
}

// applyTerms notes what is held from now on. The time counts from before the
// question, so that this process never believes in a lease for longer than the
// database does.
func (l *Lease) applyTerms(held []LeaseTerm, asked time.Time) {
	l.mu.Lock()
	before := l.terms
	if l.config.OneTerm && len(missing(before, held)) > 0 {
		held, l.over = nil, true // Release gives back what was taken
	}
	l.terms, l.lastRenewal = held, asked
	l.mu.Unlock()
	if lost := missing(before, held); len(lost) > 0 {
		l.config.Log.Warn("leases lost", "names", lost, "holder", l.config.Holder)
	}
	if gained := missing(held, before); len(gained) > 0 {
		l.config.Log.Info("leases gained", "names", gained, "holder", l.config.Holder)
	}
}

// missing returns the names of the terms that others does not have.
func missing(terms, others []LeaseTerm) (names []string) {
	for _, term := range terms {
		if !slices.Contains(others, term) {
			names = append(names, term.Name)
		}
	}
	return names
}

// Held returns the names of the leases that are held now, by the monotonic
// clock of this process. A process that was suspended sees that they have run out.
func (l *Lease) Held() (names []string) {
	now := l.config.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.lastRenewal) >= l.config.TTL {
		return nil
	}
	for _, term := range l.terms {
		names = append(names, term.Name)
	}
	return names
}

// Holds reports whether all of the names are held now.
func (l *Lease) Holds(names ...string) bool {
	held := l.Held()
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(held, name) })
}

// Token returns the fencing token of a lease, 0 if it is not held.
func (l *Lease) Token(name string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.token(name)
}

// Confirm is for a transaction that may commit only while no other process has
// taken the lease: it returns ErrLeaseLost if one has, and keeps others from
// taking it until the transaction ends. Transactions should be short: while one
// is open, the lease cannot change hands, whoever hangs.
func (l *Lease) Confirm(ctx context.Context, tx Tx, name string) error {
	token := l.Token(name)
	if token == 0 {
		return ErrLeaseLost
	}
	return tx.Leases.Confirm(ctx, l.config.Holder, LeaseTerm{name, token})
}

// Release gives the leases back, so that another process need not wait until
// they run out. It does so even if ctx has ended.
func (l *Lease) Release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.config.TTL)
	defer cancel()
	l.mu.Lock()
	held := len(l.terms) > 0
	l.terms, l.lastRenewal = nil, time.Time{}
	l.mu.Unlock()
	// Without terms, too: the answer to the last question may have been lost.
	err := l.config.DB.Update(ctx, func(tx Tx) error {
		tx.Leases.Release(l.config.Holder, l.config.Names)
		return nil
	})
	switch {
	case err != nil:
		l.config.Log.Warn("leases not released: they run out by themselves", "names", l.config.Names, "error", err)
	case held:
		l.config.Log.Info("leases released", "names", l.config.Names, "holder", l.config.Holder)
	}
}
