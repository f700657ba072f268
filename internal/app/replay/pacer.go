package replay

import (
	"context"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// pacer keeps the customers to the speed of the replay: from the first order on
// that was not placed before. What is repeated is not waited for. It would take as
// long as it did at first; and meanwhile the shop would forget the keys of what was
// sent a day ago, and be sent it again.
type pacer struct {
	speed float64
	clock clock.Clock

	opening string        // number of the invoice that all others wait for: it tells whether this is a repetition
	opened  chan struct{} // closed when that one was dealt with

	mu    sync.Mutex
	paced bool
	first time.Time // of the invoices
	began time.Time // when that was
}

func newPacer(speed float64, c clock.Clock, invoices []Invoice) *pacer {
	p := &pacer{speed: speed, clock: c, opened: make(chan struct{})}
	if len(invoices) > 0 {
		p.opening = invoices[0].Number
	}
	return p
}

// placed says that the order of an invoice was placed for the first time.
func (p *pacer) placed(i Invoice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.paced {
		p.paced, p.first, p.began = true, i.At, p.clock()
	}
}

// done says that an invoice was dealt with.
func (p *pacer) done(i Invoice) {
	if i.Number == p.opening {
		close(p.opened)
	}
}

// wait waits until it is time for an invoice. It reports false if ctx ended first.
func (p *pacer) wait(ctx context.Context, i Invoice) bool {
	if p.speed <= 0 || i.Number == p.opening {
		return true
	}
	select {
	case <-p.opened:
	case <-ctx.Done():
		return false
	}
	due := p.due(i)
	return due <= 0 || backoff.Wait(ctx, due)
}

func (p *pacer) due(i Invoice) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.paced {
		return 0
	}
	return time.Duration(float64(i.At.Sub(p.first))/p.speed) - p.clock().Sub(p.began)
}
