package pgsim

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

// timerQueue is a queue of values that are due at a time. Any number of goroutines can take from it;
// they wait without polling.
type timerQueue[T any] struct {
	clock   clock.Clock
	leader  chan struct{} // held by the goroutine that waits for the next timer
	changed wakeup.Signal // a timer was added

	mu       sync.Mutex
	items    timerHeap[T]
	sequence uint64
}

func newTimerQueue[T any](now clock.Clock) *timerQueue[T] {
	return &timerQueue[T]{clock: now, leader: make(chan struct{}, 1), changed: wakeup.New()}
}

// add adds a value that is due at a time.
func (q *timerQueue[T]) add(at time.Time, value T) {
	q.mu.Lock()
	q.sequence++
	heap.Push(&q.items, timer[T]{at: at, sequence: q.sequence, value: value})
	q.mu.Unlock()
	q.changed.Notify()
}

// next waits until a value is due and removes it. ok is false if ctx ended first.
func (q *timerQueue[T]) next(ctx context.Context) (value T, ok bool) {
	select {
	case q.leader <- struct{}{}:
	case <-ctx.Done():
		return value, false
	}
	defer func() { <-q.leader }()
	for ctx.Err() == nil {
		value, wait, due := q.due(q.clock())
		if due {
			return value, true
		}
		q.wait(ctx, wait)
	}
	return value, false
}

// due removes and returns the first value if it is due. Otherwise it returns the time until then,
// -1 if the queue is empty.
func (q *timerQueue[T]) due(now time.Time) (value T, wait time.Duration, due bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return value, -1, false
	}
	if wait := q.items[0].at.Sub(now); wait > 0 {
		return value, wait, false
	}
	return heap.Pop(&q.items).(timer[T]).value, 0, true //nolint:forcetypeassert,errcheck // see add
}

// wait waits until a value is added or a duration has passed.
func (q *timerQueue[T]) wait(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
	case <-q.changed:
	case <-due:
	}
}

func (q *timerQueue[T]) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// timer is a value with the time at which it is due.
type timer[T any] struct {
	at       time.Time
	sequence uint64 // timers of the same time are due in the order in which they were added
	value    T
}

// timerHeap implements heap.Interface with the earliest timer first.
type timerHeap[T any] []timer[T]

func (q timerHeap[T]) Len() int      { return len(q) }
func (q timerHeap[T]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q timerHeap[T]) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].sequence < q[j].sequence
}

// Push implements heap.Interface.
func (q *timerHeap[T]) Push(x any) { *q = append(*q, x.(timer[T])) } //nolint:forcetypeassert,errcheck // see timerQueue.add

// Pop implements heap.Interface.
func (q *timerHeap[T]) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = timer[T]{}
	*q = (*q)[:last]
	return x
}
