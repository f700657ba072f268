package rankings

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

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
	// loadTime bounds the making of a result.
	loadTime = 5 * time.Second
	// maxKept bounds the results in memory.
	maxKept = 64
)

// shelf keeps results for a moment. Of the callers that ask for a result at the same
// time, one makes it.
type shelf[K comparable, V any] struct {
	now   clock.Clock
	grace time.Duration
	group singleflight.Group

	mu   sync.Mutex
	kept map[K]kept[V]
}

// kept is the last result, and the error of the last attempt to make a newer one.
type kept[V any] struct {
	value V
	last  time.Time // the value is not used after this time; zero: there is none
	err   error
	until time.Time // until then nobody tries again
}

func newShelf[K comparable, V any](now clock.Clock, grace time.Duration) *shelf[K, V] {
	return &shelf[K, V]{now: now, grace: grace, kept: make(map[K]kept[V])}
}

// get returns the result of load for a key. While a new one is made, it returns the last
// one. The context of load does not end with that of the caller, for whom others wait too.
func (s *shelf[K, V]) get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	last, fresh := s.peek(key)
	if fresh {
		return last.answer(s.now())
	}
	made := s.group.DoChan(fmt.Sprint(key), func() (any, error) { return s.refresh(ctx, key, load), nil })
	if last.usable(s.now()) {
		return last.value, nil
	}
	select {
	case result := <-made:
		next, _ := result.Val.(kept[V])
		return next.answer(s.now())
	case <-ctx.Done():
		return last.value, ctx.Err()
	}
}

func (s *shelf[K, V]) peek(key K) (last kept[V], fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last = s.kept[key]
	return last, s.now().Before(last.until)
}

// refresh makes a result, unless another caller has just done so.
func (s *shelf[K, V]) refresh(ctx context.Context, key K, load func(context.Context) (V, error)) kept[V] {
	last, fresh := s.peek(key)
	if fresh {
		return last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	began := s.now()
	value, err := s.made(ctx, load)
	ended := s.now()
	last.err, last.until = err, ended.Add(max(minLife, (share-1)*ended.Sub(began)))
	if err == nil {
		last.value, last.last = value, last.until.Add(s.grace)
	}
	s.put(key, last)
	return last
}

// made calls load. A panic must not end the process: singleflight would end it.
func (s *shelf[K, V]) made(ctx context.Context, load func(context.Context) (V, error)) (value V, err error) {
	err = panics.Caught(func() (err error) {
		value, err = load(ctx)
		return err
	})
	return value, err
}

// put keeps a result. If there are too many, it drops the one that expires first.
func (s *shelf[K, V]) put(key K, next kept[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[key] = next
	if len(s.kept) <= maxKept {
		return
	}
	first := key
	for k, v := range s.kept {
		if v.until.Before(s.kept[first].until) {
			first = k
		}
	}
	delete(s.kept, first)
}

// usable reports whether the value may be used although it has expired.
func (k kept[V]) usable(now time.Time) bool { return now.Before(k.last) }

// answer returns the value, or the error of the last attempt if the value is too old.
func (k kept[V]) answer(now time.Time) (V, error) {
	if k.err != nil && !k.usable(now) {
		var none V
		return none, k.err
	}
	return k.value, nil
}
