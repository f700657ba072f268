package pgsim

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

// agenda is what is to be done, and when. Any number of goroutines may take
// from it; those that wait do so without polling.
type agenda[T any] struct {
	turn chan struct{} // held by the one goroutine that waits for the next item
	news wakeup.Signal // an item was added

	mu    sync.Mutex
	items queue[T]
	added uint64
}

func newAgenda[T any]() *agenda[T] {
	return &agenda[T]{turn: make(chan struct{}, 1), news: wakeup.New()}
}

// add puts an item on the agenda.
func (a *agenda[T]) add(at time.Time, what T) {
	a.mu.Lock()
	a.added++
	heap.Push(&a.items, item[T]{at: at, nth: a.added, what: what})
	a.mu.Unlock()
	a.news.Notify()
}

// take waits for the next item to be due; ok is false if ctx ended first.
func (a *agenda[T]) take(ctx context.Context) (what T, ok bool) {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return what, false
	}
	defer func() { <-a.turn }()
	for ctx.Err() == nil {
		what, wait, due := a.due(time.Now())
		if due {
			return what, true
		}
		a.pause(ctx, wait)
	}
	return what, false
}

// due removes and returns the first item if its time has come; else how long
// that takes, negative if there is none.
func (a *agenda[T]) due(now time.Time) (what T, wait time.Duration, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.items) == 0 {
		return what, -1, false
	}
	if wait := a.items[0].at.Sub(now); wait > 0 {
		return what, wait, false
	}
	return heap.Pop(&a.items).(item[T]).what, 0, true //nolint:forcetypeassert,errcheck // see add
}

// pause waits for an item to be added or for a time to pass.
func (a *agenda[T]) pause(ctx context.Context, wait time.Duration) {
	var alarm <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
	case <-a.news:
	case <-alarm:
	}
}

func (a *agenda[T]) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.items)
}

type item[T any] struct {
	at   time.Time
	nth  uint64 // items that are due at the same time come in the order added
	what T
}

// queue implements heap.Interface, the earliest first.
type queue[T any] []item[T]

func (q queue[T]) Len() int      { return len(q) }
func (q queue[T]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue[T]) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].nth < q[j].nth
}

// Push implements heap.Interface.
func (q *queue[T]) Push(x any) { *q = append(*q, x.(item[T])) } //nolint:forcetypeassert,errcheck // see agenda.add

// Pop implements heap.Interface.
func (q *queue[T]) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = item[T]{}
	*q = (*q)[:last]
	return x
}
