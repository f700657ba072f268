package replay

import (
	"context"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// scheduler delays invoices so that the replay runs at the given speed. It starts with the first
// order that was not placed in an earlier run. Repeated orders are not delayed: that would take
// as long as the first run, and meanwhile the shop would delete idempotency keys older than a
// day, so that the orders of these keys would be placed twice.
type scheduler struct {
	speed float64
	clock clock.Clock

	firstInvoice string        // number of the first invoice; the others wait for it, because it shows whether the run repeats
	firstDone    chan struct{} // closed when the first invoice is done

	mu        sync.Mutex
	started   bool
	startTime time.Time // invoice time of the first new order
	startedAt time.Time // when it was placed
}

func newScheduler(speed float64, c clock.Clock, invoices []Invoice) *scheduler {
	s := &scheduler{speed: speed, clock: c, firstDone: make(chan struct{})}
	if len(invoices) > 0 {
		s.firstInvoice = invoices[0].Number
	}
	return s
}

// orderPlaced is called when the order of an invoice was placed for the first time.
func (s *scheduler) orderPlaced(i Invoice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.started, s.startTime, s.startedAt = true, i.At, s.clock()
	}
}

// invoiceDone is called when an invoice is done.
func (s *scheduler) invoiceDone(i Invoice) {
	if i.Number == s.firstInvoice {
		close(s.firstDone)
	}
}

// wait waits until an invoice is due. It returns false if ctx ended first.
func (s *scheduler) wait(ctx context.Context, i Invoice) bool {
	if s.speed <= 0 || i.Number == s.firstInvoice {
		return true
	}
	select {
	case <-s.firstDone:
	case <-ctx.Done():
		return false
	}
	delay := s.delay(i)
	return delay <= 0 || backoff.Wait(ctx, delay)
}

// delay returns how long an invoice has to wait; 0 or less if it is due.
func (s *scheduler) delay(i Invoice) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return 0
	}
	return time.Duration(float64(i.At.Sub(s.startTime))/s.speed) - s.clock().Sub(s.startedAt)
}
