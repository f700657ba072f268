package conformance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
)

func leaseTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a lease belongs to one holder until it runs out":             leaseRunsOut,
		"a lease that is renewed keeps its token":                     leaseRenewed,
		"every new term has a greater token":                          leaseTokensGrow,
		"a process started again under its name begins a new term":    leaseOfRestartedHolder,
		"only the holder can release a lease":                         leaseReleased,
		"a transaction of an earlier term cannot commit":              leaseFencesOff,
		"a lease does not change hands under an open transaction":     leaseWaitsForTransaction,
		"a lease is confirmed by several transactions at once":        leaseSharedConfirm,
		"a lease is won by one of many contenders":                    leaseRace,
		"transactions under a lease commit in the order of its terms": leaseInOrder,
		"a store.Lease is handed over":                                leaseHandedOver,
	}
}

// short is a TTL that tests wait for; long is one that does not end while a test runs.
const short, long = 50 * time.Millisecond, time.Minute

// acquire returns the terms of the names that holder has afterwards. Its earlier
// terms are asked for by their tokens.
func (s *shop) acquire(holder string, ttl time.Duration, earlier []store.LeaseTerm, names ...string) []store.LeaseTerm {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) ([]store.LeaseTerm, error) {
		return tx.Leases.Acquire(ctx, holder, ttl, wanted(earlier, names))
	})
}

func wanted(earlier []store.LeaseTerm, names []string) (terms []store.LeaseTerm) {
	tokens := map[string]int64{}
	for _, term := range earlier {
		tokens[term.Name] = term.Token
	}
	for _, name := range names {
		terms = append(terms, store.LeaseTerm{Name: name, Token: tokens[name]})
	}
	return terms
}

// bobEventuallyGetsX acquires the lease "x" as soon as it can be had.
func (s *shop) bobEventuallyGetsX() store.LeaseTerm {
	s.Helper()
	for {
		if held := s.acquire("bob", long, nil, "x"); len(held) > 0 {
			return held[0]
		}
		select {
		case <-time.After(short / 10):
		case <-s.Context().Done():
			s.Fatal("the lease is never free")
		}
	}
}

func (s *shop) release(holder string, names ...string) {
	s.Helper()
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Leases.Release(holder, names)
		return nil
	})
}

func confirm(holder string, term store.LeaseTerm) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Leases.Confirm(ctx, holder, term) }
}

func namesOf(terms []store.LeaseTerm) (names []string) {
	for _, term := range terms {
		names = append(names, term.Name)
	}
	return names
}

func leaseRunsOut(s *shop) {
	s.equal([]string{"x"}, namesOf(s.acquire("ann", short, nil, "x")))
	s.equal([]string{"y"}, namesOf(s.acquire("ann", long, nil, "y")))
	s.bobEventuallyGetsX()
	s.equal([]string{"z"}, namesOf(s.acquire("bob", long, nil, "y", "z")))
	s.equal(0, len(s.acquire("ann", long, nil, "x", "z")))
	s.equal(0, len(s.acquire("ann", long, nil)))
}

func leaseRenewed(s *shop) {
	held := s.acquire("ann", short, nil, "x")
	s.equal(held, s.acquire("ann", short, held, "x"))
	<-time.After(2 * short) // it runs out, but nobody takes it
	s.equal(held, s.acquire("ann", long, held, "x"))
	s.equal(0, len(s.acquire("bob", long, nil, "x")))
}

func leaseTokensGrow(s *shop) {
	token := int64(0)
	greater := func(term store.LeaseTerm) {
		s.Helper()
		if term.Token <= token {
			s.Errorf("token %d follows %d", term.Token, token)
		}
		token = term.Token
	}
	greater(s.acquire("ann", short, nil, "x")[0])
	greater(s.bobEventuallyGetsX()) // after the lease has run out
	s.release("bob", "x")
	greater(s.acquire("ann", long, nil, "x")[0]) // after a release
	s.release("ann", "x")
	greater(s.acquire("ann", long, nil, "x")[0]) // by the same holder
}

func leaseOfRestartedHolder(s *shop) {
	first := s.acquire("ann", long, nil, "x")[0]
	second := s.acquire("ann", long, nil, "x")[0]
	s.refuses(store.ErrLeaseLost, confirm("ann", first))
	s.update(confirm("ann", second))
}

func leaseReleased(s *shop) {
	s.acquire("ann", long, nil, "x", "y")
	s.release("bob", "x", "y")
	s.equal(0, len(s.acquire("bob", long, nil, "x", "y")))
	s.release("ann", "x")
	s.equal([]string{"x"}, namesOf(s.acquire("bob", long, nil, "x", "y")))
}

// A holder is frozen past its lease, and goes on when another one has taken it.
func leaseFencesOff(s *shop) {
	frozen := s.acquire("ann", short, nil, "x")[0]
	s.update(confirm("ann", frozen))
	s.bobEventuallyGetsX()
	k := store.Key{UserID: s.user().ID, Route: "r", Key: "k"}
	s.refuses(store.ErrLeaseLost, func(ctx context.Context, tx store.Tx) error {
		tx.Keys.Keep(k, store.Answer{Status: 200, At: noon()}) // what it has written before is not committed either
		return confirm("ann", frozen)(ctx, tx)
	})
	if s.claim(k) != nil {
		s.Error("a transaction without a lease has committed")
	}
	s.refuses(store.ErrLeaseLost, confirm("bob", frozen))
	s.refuses(store.ErrLeaseLost, confirm("ann", store.LeaseTerm{Name: "unknown", Token: frozen.Token}))
}

// What has confirmed its lease commits before another holder begins.
func leaseWaitsForTransaction(s *shop) {
	term := s.acquire("ann", short, nil, "x")[0]
	taken := make(chan store.LeaseTerm, 1)
	s.update(func(ctx context.Context, tx store.Tx) error {
		if err := confirm("ann", term)(ctx, tx); err != nil {
			return err
		}
		go func() { taken <- s.bobEventuallyGetsX() }()
		select {
		case <-taken:
			return errors.New("the lease has changed hands")
		case <-time.After(4 * short):
			return nil
		}
	})
	if next := <-taken; next.Token <= term.Token {
		s.Errorf("token %d follows %d", next.Token, term.Token)
	}
}

func leaseSharedConfirm(s *shop) {
	term := s.acquire("ann", long, nil, "x")[0]
	confirmed := s.atOnce(16, nil, func(ctx context.Context, tx store.Tx, _ int) error {
		return tx.Leases.Confirm(ctx, "ann", term)
	})
	s.equal(int64(16), confirmed)
}

func leaseRace(s *shop) {
	var won atomic.Int64
	s.atOnce(32, nil, func(ctx context.Context, tx store.Tx, i int) error {
		held, err := tx.Leases.Acquire(ctx, fmt.Sprint(i), long, []store.LeaseTerm{{Name: "x"}})
		won.Add(int64(len(held)))
		return err
	})
	s.equal(int64(1), won.Load())
}

// Many holders compete for a lease that runs out at once. What commits under it
// commits before anything does under a later term.
func leaseInOrder(s *shop) {
	var last atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 4 {
				if err := s.compete(fmt.Sprint(i), &last); err != nil && !errors.Is(err, store.ErrLeaseLost) {
					s.Error(err)
				}
			}
		})
	}
	all.Wait()
	if last.Load() == 0 {
		s.Error("nobody has committed")
	}
}

func (s *shop) compete(holder string, last *atomic.Int64) error {
	var held []store.LeaseTerm
	err := s.db.Update(s.Context(), func(tx store.Tx) (err error) {
		held, err = tx.Leases.Acquire(s.Context(), holder, time.Microsecond, []store.LeaseTerm{{Name: "x"}})
		return err
	})
	if err != nil || len(held) == 0 {
		return err
	}
	return s.db.Update(s.Context(), func(tx store.Tx) error {
		if err := tx.Leases.Confirm(s.Context(), holder, held[0]); err != nil {
			return err
		}
		if before := last.Swap(held[0].Token); before > held[0].Token {
			return fmt.Errorf("the term %d commits after the term %d", held[0].Token, before)
		}
		return nil
	})
}

// Two processes that believe in very different times use one database.
func leaseHandedOver(s *shop) {
	open := func(holder string, ahead time.Duration) *store.Lease {
		return store.NewLease(store.LeaseConfig{
			DB: s.db, Names: []string{"x", "y"}, Holder: holder, TTL: long,
			Clock: func() time.Time { return time.Now().Add(ahead) }, Log: slog.New(slog.DiscardHandler),
		})
	}
	ann, bob := open("ann", 0), open("bob", 24*365*time.Hour)
	acquire := func(l *store.Lease) {
		s.Helper()
		if err := l.Acquire(s.Context()); err != nil {
			s.Fatal(err)
		}
	}
	acquire(bob)
	acquire(ann)
	s.equal([]bool{true, false}, []bool{bob.Holds("x", "y"), ann.Holds("x")})
	s.update(func(ctx context.Context, tx store.Tx) error { return bob.Confirm(ctx, tx, "x") })
	s.refuses(store.ErrLeaseLost, func(ctx context.Context, tx store.Tx) error { return ann.Confirm(ctx, tx, "x") })
	bob.Release(s.Context())
	ann = open("ann", 0) // it asks at once
	acquire(ann)
	s.equal([]bool{false, true}, []bool{bob.Holds("x"), ann.Holds("x", "y")})
	s.refuses(store.ErrLeaseLost, func(ctx context.Context, tx store.Tx) error { return bob.Confirm(ctx, tx, "x") })
}
