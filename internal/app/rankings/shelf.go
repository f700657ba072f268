package rankings

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/panics"
)

const (
	// minLife is how long a result is used at least.
	minLife = time.Second
	// share is the part of the time that may be spent on making one result again and
	// again: a tenth. A result is used for nine times the time that it took.
	share = 10
	// grace is for how long an expired result is used while a new one is made, or after
	// one could not be made.
	grace = 10 * time.Second
	// keep is for how long a result is used if others are computed and it has no turn.
	keep = 10 * time.Minute
	// maxWeight bounds the results in memory. A result weighs as much as its entries, and
	// a little.
	maxWeight = 400_000
	weight    = 50
)

// shelf keeps results for a moment. Of the callers that ask for a result at the same
// time, one makes it, within the budget.
type shelf[K comparable, V interface{ weight() int }] struct {
	now    clock.Clock
	budget *budget // nil: a result costs little
	grace  time.Duration
	lasts  bool // a result is used as long if a new one cannot be made as if it has no turn

	mu     sync.Mutex
	kept   map[K]kept[V]
	making map[K]*making[V]
	heavy  int // what all results weigh
}

// kept is the last result, and the error of the last attempt to make a newer one.
type kept[V any] struct {
	value  V
	until  time.Time // until then nobody tries again
	last   time.Time // the value is not used after this time while a new one is made; zero: there is none
	oldest time.Time // the value is not used after this time at all
	err    error
}

// making is a result that is made.
type making[V any] struct {
	done   chan struct{}
	late   chan struct{} // no caller waits any longer
	result kept[V]
	err    error // no attempt was made
}

func newShelf[K comparable, V interface{ weight() int }](now clock.Clock, b *budget, grace time.Duration) *shelf[K, V] {
	return &shelf[K, V]{now: now, budget: b, grace: grace, kept: make(map[K]kept[V]), making: make(map[K]*making[V])}
}

// get returns the result of load for a key. While a new one is made, it returns the last
// one. The context of load does not end with that of the caller, for whom others wait too.
// If there is no result in time, the error is ErrBusy.
func (s *shelf[K, V]) get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	last, m, first := s.ask(key)
	if first {
		go s.make(context.WithoutCancel(ctx), key, m, last, load)
	}
	if m == nil || last.usable(s.now()) {
		return s.answer(last)
	}
	err := s.budget.await(ctx, m.done, m.late)
	if err == nil {
		if last, err = m.result, m.err; err == nil {
			return s.answer(last)
		}
	}
	if s.now().Before(last.oldest) {
		return last.value, nil
	}
	var none V
	return none, err
}

// ask returns the last result and, unless that is fresh, the one that is made. It reports
// whether the caller must make it.
func (s *shelf[K, V]) ask(key K) (last kept[V], m *making[V], first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, now := s.kept[key], s.now()
	if now.Before(last.until) {
		return last, nil, false
	}
	if running := s.making[key]; running != nil {
		return last, running, false
	}
	m = &making[V]{done: make(chan struct{}), late: make(chan struct{})}
	s.making[key] = m
	return last, m, true
}

// make makes a result, if the budget permits it.
func (s *shelf[K, V]) make(ctx context.Context, key K, m *making[V], last kept[V], load func(context.Context) (V, error)) {
	late := time.AfterFunc(patience, func() { close(m.late) })
	defer late.Stop()
	m.result = last
	m.err = s.budget.spend(ctx, !last.usable(s.now()), func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, loadTime)
		defer cancel()
		began := s.now()
		value, err := made(ctx, load)
		m.result = s.next(last, value, err, began)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.making, key)
	if m.err == nil {
		s.put(key, m.result)
	}
	close(m.done)
}

func (s *shelf[K, V]) next(last kept[V], value V, err error, began time.Time) kept[V] {
	ended := s.now()
	last.err, last.until = err, ended.Add(max(minLife, (share-1)*ended.Sub(began)))
	if err == nil {
		last.value, last.last, last.oldest = value, last.until.Add(s.grace), last.until.Add(max(s.grace, keep))
	}
	if s.grace == 0 {
		last.oldest = last.last
	}
	return last
}

// made calls load. A panic must not end the process.
func made[V any](ctx context.Context, load func(context.Context) (V, error)) (value V, err error) {
	err = panics.Caught(func() (err error) {
		value, err = load(ctx)
		return err
	})
	return value, err
}

// put keeps a result. If all together are too heavy, it drops those that expire first.
func (s *shelf[K, V]) put(key K, next kept[V]) {
	s.drop(key)
	s.kept[key] = next
	s.heavy += weight + next.value.weight()
	for s.heavy > maxWeight && len(s.kept) > 1 {
		first, found := key, false
		for k, v := range s.kept {
			if k != key && (!found || v.until.Before(s.kept[first].until)) {
				first, found = k, true
			}
		}
		s.drop(first)
	}
}

func (s *shelf[K, V]) drop(key K) {
	if old, found := s.kept[key]; found {
		s.heavy -= weight + old.value.weight()
		delete(s.kept, key)
	}
}

// usable reports whether the value may be used although it has expired.
func (k kept[V]) usable(now time.Time) bool { return now.Before(k.last) }

// answer returns the value, or the error of the last attempt if the value is too old.
func (s *shelf[K, V]) answer(k kept[V]) (V, error) {
	now := s.now()
	if k.err == nil || k.usable(now) || s.lasts && now.Before(k.oldest) {
		return k.value, nil
	}
	var none V
	if errors.Is(k.err, context.DeadlineExceeded) {
		return none, fmt.Errorf("%w: %w", ErrBusy.After(k.until.Sub(now)), k.err)
	}
	return none, k.err
}
