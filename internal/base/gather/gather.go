// Package gather has what many ask for at the same time done at once.
package gather

import "sync"

// Queue gathers requests. While some of them are done, the next ones gather: however many
// wait, one goroutine works. It runs only while something waits.
type Queue[T any] struct {
	limit int
	size  func(T) int
	do    func([]T)

	mu      sync.Mutex
	waiting []T
	working bool
}

// New returns an empty queue. do gets requests in order of arrival: as many as have the
// size limit together, and at least one. It must not panic.
func New[T any](limit int, size func(T) int, do func([]T)) *Queue[T] {
	return &Queue[T]{limit: limit, size: size, do: do}
}

// Add adds a request and does not wait.
func (q *Queue[T]) Add(request T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, request)
	if !q.working {
		q.working = true
		go q.work()
	}
}

// work does requests until none waits.
func (q *Queue[T]) work() {
	for batch := q.next(); len(batch) > 0; batch = q.next() {
		q.do(batch)
	}
}

func (q *Queue[T]) next() (batch []T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for ; n < len(q.waiting); n++ {
		if size += q.size(q.waiting[n]); n > 0 && size > q.limit {
			break
		}
	}
	batch = q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; n == 0 {
		q.waiting, q.working = nil, false
	}
	return batch
}
