// Package admission bounds how many requests of a kind are served at a time, and how long
// others wait for their turn. What would wait too long is refused as it arrives: then it
// has cost almost nothing.
package admission

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrBusy is the error of a request that is refused because too many others wait.
var ErrBusy = fault.New(fault.Unavailable, "TOO_BUSY", "too many requests wait to be served; nothing has happened; try again later")

// maxWaiting bounds the memory of those that wait, however fast they are served.
const maxWaiting = 2_000

// Flow is a kind of requests. They are served in order of arrival. A nil Flow has no bound.
type Flow struct {
	permits  bulkhead.Bulkhead[any]
	limit    int64
	patience time.Duration
	now      clock.Clock
	meter    meter

	waiting atomic.Int64
	service atomic.Int64 // mean nanoseconds that requests were served lately
}

// New returns a flow of which up to limit requests are served at a time. Others wait up to
// patience. Its name is the label of its metrics.
func New(name string, limit int, patience time.Duration, now clock.Clock, m *Metrics) *Flow {
	permits := bulkhead.New[any](uint(limit))
	return &Flow{permits: permits, limit: int64(limit), patience: patience, now: now, meter: m.of(name)}
}

// Full reports whether a request that arrives now would have to wait too long: for more
// than two thirds of the patience, so that few are refused after they have waited.
func (f *Flow) Full() bool {
	if f == nil {
		return false
	}
	waiting := f.waiting.Load()
	expected := time.Duration((waiting + 1) * f.service.Load() / f.limit)
	return waiting > 0 && expected > f.patience*2/3 || waiting >= maxWaiting
}

// Refused counts a request that was refused because the flow is full, without Enter.
func (f *Flow) Refused() { f.meter.refused.Inc() }

// Enter waits for a turn. It returns ErrBusy if that takes too long, or the error of ctx.
// If there is no error, call Leave.
func (f *Flow) Enter(ctx context.Context) (Pass, error) {
	if f == nil {
		return Pass{}, nil
	}
	begun := f.now()
	if f.permits.TryAcquirePermit() {
		f.meter.admitted(0)
		return Pass{f, begun}, nil
	}
	if f.Full() {
		f.Refused()
		return Pass{}, ErrBusy
	}
	err := f.wait(ctx)
	if errors.Is(err, bulkhead.ErrFull) {
		f.meter.expired.Inc()
		return Pass{}, ErrBusy
	}
	if err != nil {
		f.meter.left.Inc()
		return Pass{}, fmt.Errorf("waiting to be served: %w", err)
	}
	now := f.now()
	f.meter.admitted(now.Sub(begun))
	return Pass{f, now}, nil
}

func (f *Flow) wait(ctx context.Context) error {
	f.waiting.Add(1)
	f.meter.waiting.Inc()
	defer f.waiting.Add(-1)
	defer f.meter.waiting.Dec()
	return f.permits.AcquirePermitWithMaxWait(ctx, f.patience)
}

// Pass is the right of one request to be served.
type Pass struct {
	flow  *Flow
	since time.Time
}

// weight is that of the newest request in the mean time of service: 1 in 16.
const weight = 16

// Leave ends the service of a request. One that takes very long, for example because it
// waits for a row, counts as if it took the patience: it says little about the next ones.
func (p Pass) Leave() {
	f := p.flow
	if f == nil {
		return
	}
	took := min(f.now().Sub(p.since), f.patience)
	f.service.Add((int64(took) - f.service.Load()) / weight)
	f.permits.ReleasePermit()
}
