package storetest

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

func (s *shop) mark(consumer string, events ...id.ID) []id.ID {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
		return tx.Handled.Mark(ctx, consumer, events, noon())
	})
}

func handledTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"an event is fresh once for each consumer": freshOnce,
	}
}

func (s *shop) acquire(holder string, now time.Time, names ...string) []string {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) ([]string, error) {
		return tx.Leases.Acquire(ctx, names, holder, now, now.Add(time.Minute))
	})
}

func leaseTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a lease is one holder's until it runs out": leaseRunsOut,
		"only a holder can give a lease back":       leaseGivenBack,
	}
}

func freshOnce(s *shop) {
	a, b, c := s.ids(), s.ids(), s.ids()
	s.equal([]id.ID{b, a}, s.mark("ranking", b, a, b))
	s.equal([]id.ID{c}, s.mark("ranking", a, c, b))
	s.equal([]id.ID{a}, s.mark("audit", a))
	s.equal(0, len(s.mark("ranking")))
}

func leaseRunsOut(s *shop) {
	s.equal([]string{"x", "y"}, s.acquire("ann", noon(), "x", "y"))
	s.equal([]string{"z"}, s.acquire("bob", noon().Add(time.Second), "x", "z"))
	s.equal([]string{"x"}, s.acquire("ann", noon().Add(30*time.Second), "x")) // renewed
	s.equal([]string{"y"}, s.acquire("bob", noon().Add(time.Minute), "x", "y"))
	s.equal(0, len(s.acquire("ann", noon().Add(time.Minute), "y")))
	s.equal(0, len(s.acquire("ann", noon())))
}

func leaseGivenBack(s *shop) {
	s.acquire("ann", noon(), "x", "y")
	release := func(holder string, names ...string) {
		s.update(func(ctx context.Context, tx store.Tx) error { return tx.Leases.Release(ctx, names, holder) })
	}
	release("bob", "x", "y")
	s.equal(0, len(s.acquire("bob", noon(), "x", "y")))
	release("ann", "x")
	s.equal([]string{"x"}, s.acquire("bob", noon(), "x", "y"))
}
