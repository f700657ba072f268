package pgsim

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Every timer is taken once, when it is due, whatever the order in which timers were added.
func TestEachTimerIsTakenOnceWhenItIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newTimerQueue[int](time.Now)
		began, ctx := time.Now(), t.Context()
		ctx, stop := context.WithCancel(ctx)
		var mu sync.Mutex
		taken := map[int]time.Duration{}
		var working sync.WaitGroup
		for range 8 {
			working.Go(func() {
				for {
					n, ok := a.next(ctx)
					if !ok {
						return
					}
					mu.Lock()
					if _, twice := taken[n]; twice {
						t.Errorf("%d was taken twice", n)
					}
					taken[n] = time.Since(began)
					mu.Unlock()
				}
			})
		}
		const n = 500
		want := map[int]time.Duration{}
		random := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			if i%50 == 0 {
				time.Sleep(time.Duration(random.IntN(900)) * time.Millisecond)
				synctest.Wait()
			}
			now := time.Since(began)
			want[i] = now + time.Duration(random.IntN(5000)-1000)*time.Millisecond
			a.add(began.Add(want[i]), i)
			want[i] = max(want[i], now)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		working.Wait()
		for i, at := range want {
			if taken[i] != at {
				t.Errorf("%d was taken at %v, not at %v", i, taken[i], at)
			}
		}
	})
}

func TestTimersOfTheSameTimeAreTakenInTheOrderAdded(t *testing.T) {
	t.Parallel()
	a, now := newTimerQueue[int](time.Now), time.Now()
	var want, got []int
	for i := range 100 {
		a.add(now.Add(-time.Second), i)
		want = append(want, i)
	}
	for range want {
		n, _ := a.next(t.Context())
		got = append(got, n)
	}
	if !slices.Equal(got, want) || a.len() != 0 {
		t.Errorf("%v", got)
	}
}
