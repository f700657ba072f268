package replay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Ranking reads the ranking of the day that an order of the visit counts for.
type Ranking interface {
	// Score returns the product's score, 0 if it is not ranked.
	Score(ctx context.Context, v Visit, productID int64) (ranking.Points, error)
	// Reached reports whether the ranking shows the product with at least this score.
	Reached(ctx context.Context, v Visit, productID int64, score ranking.Points) (bool, error)
}

// Delay is the time from the response to an order until the ranking includes it.
type Delay struct {
	Samples int           `json:"samples"`
	Lost    int           `json:"lost"`    // not included within ten seconds
	Spoiled int           `json:"spoiled"` // the product changed again meanwhile
	P50     time.Duration `json:"p50Nanos"`
	P99     time.Duration `json:"p99Nanos"`
	Max     time.Duration `json:"maxNanos"`
}

const (
	measureEvery   = 20 // orders
	measureTimeout = 10 * time.Second
	pollInterval   = 3 * time.Millisecond // between two reads of the ranking
	maxLostInARow  = 3                    // then measuring stops
	// An order is measured on a product that this replay has not changed for quietTime and for
	// quietFactor times the longest delay so far: earlier changes have then reached the ranking,
	// so the next change of the score is the order.
	quietTime   = 2 * time.Second
	quietFactor = 3
)

// delayMeter measures the delay of some orders. It computes the score that a product has once
// the order is counted, and polls the ranking until it shows this score. There is one
// measurement at a time.
type delayMeter struct {
	ranking Ranking
	now     clock.Clock
	busy    sync.Mutex // held during a measurement

	mu         sync.Mutex
	orders     int
	lostInARow int
	changes    map[int64]change
	longest    time.Duration
	delays     []time.Duration
	totals     Delay
}

// change is the number of changes that the replay made to a product, and the time of the last.
type change struct {
	count int
	at    time.Time
}

func newDelayMeter(r Ranking, now clock.Clock) *delayMeter {
	return &delayMeter{ranking: r, now: now, changes: map[int64]change{}}
}

// noteChange records that the replay is about to change a product's score.
func (d *delayMeter) noteChange(productID int64) change {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.changes[productID]
	d.changes[productID] = change{t.count + 1, d.now()}
	return d.changes[productID]
}

// begin is called before an order is placed. It returns nil if the order is not measured.
func (d *delayMeter) begin(ctx context.Context, i Invoice, wants []order.Want) *measurement {
	at, ok := d.choose(wants)
	changes := make([]change, len(wants))
	for n, w := range wants {
		changes[n] = d.noteChange(w.ProductID)
	}
	if !ok {
		return nil
	}
	m := &measurement{meter: d, visit: Visit{i.Customer, i.At}, product: wants[at].ProductID, before: changes[at]}
	before, err := d.ranking.Score(ctx, m.visit, m.product)
	if err != nil {
		m.end()
		return nil
	}
	m.wantScore = before + 1 // the product is quiet, so any increase is that of the order, whatever the weights
	return m
}

// choose selects the first quiet product of every measureEvery-th order and locks busy.
func (d *delayMeter) choose(wants []order.Want) (at int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orders++
	if d.orders < measureEvery || d.lostInARow >= maxLostInARow {
		return 0, false
	}
	now, quiet := d.now(), max(quietTime, quietFactor*d.longest)
	for at, w := range wants {
		if now.Sub(d.changes[w.ProductID].at) > quiet && d.busy.TryLock() {
			d.orders = 0
			return at, true
		}
	}
	return 0, false
}

// measurement is the measurement of one order. A nil measurement does nothing.
type measurement struct {
	meter *delayMeter

	visit     Visit
	product   int64
	wantScore ranking.Points
	before    change
}

// end allows the next measurement.
func (m *measurement) end() {
	if m != nil {
		m.meter.busy.Unlock()
	}
}

// await waits until the ranking includes the order, which has just been placed.
func (m *measurement) await(ctx context.Context) {
	if m == nil {
		return
	}
	began := m.meter.now()
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	for {
		reached, err := m.meter.ranking.Reached(ctx, m.visit, m.product, m.wantScore)
		if err == nil && reached {
			m.record(m.meter.now().Sub(began), true)
			return
		}
		if !backoff.Wait(ctx, pollInterval) {
			m.record(m.meter.now().Sub(began), false)
			return
		}
	}
}

func (m *measurement) record(delay time.Duration, reached bool) {
	m.meter.mu.Lock()
	defer m.meter.mu.Unlock()
	switch {
	case m.meter.changes[m.product] != m.before:
		m.meter.totals.Spoiled++
	case reached:
		m.meter.lostInARow = 0
		m.meter.delays = append(m.meter.delays, delay)
		m.meter.longest = max(m.meter.longest, delay)
	case delay >= measureTimeout: // else the replay was stopped: no result
		m.meter.lostInARow++
		m.meter.totals.Lost++
		m.meter.longest = max(m.meter.longest, delay)
	}
}

// delay returns the result.
func (d *delayMeter) delay() Delay {
	d.mu.Lock()
	defer d.mu.Unlock()
	result, sorted := d.totals, slices.Sorted(slices.Values(d.delays))
	result.Samples = len(sorted)
	if n := len(sorted); n > 0 {
		result.P50, result.P99, result.Max = sorted[(n-1)*50/100], sorted[(n-1)*99/100], sorted[n-1]
	}
	return result
}
