package replay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Ranking tells what shoppers see of a product in the ranking of the day that
// an order counts on which is placed in the visit.
type Ranking interface {
	// Score is the product's score; 0 where it has no place.
	Score(ctx context.Context, v Visit, productID int64) (ranking.Points, error)
	// Shows reports whether the product is shown with the score or a higher one.
	Shows(ctx context.Context, v Visit, productID int64, score ranking.Points) (bool, error)
}

// Delay is how long it took from the answer to an order until the ranking
// showed it.
type Delay struct {
	Samples int           `json:"samples"`
	Lost    int           `json:"lost"`    // not shown within ten seconds
	Spoiled int           `json:"spoiled"` // somebody else moved the product meanwhile
	P50     time.Duration `json:"p50Nanos"`
	P99     time.Duration `json:"p99Nanos"`
	Max     time.Duration `json:"maxNanos"`
}

const (
	sampleEvery = 20 // orders
	sampleLimit = 10 * time.Second
	samplePause = 3 * time.Millisecond // between two looks
	sampleTrust = 3                    // lost ones in a row after which nobody looks any more
	// A product is sampled that this replay has left alone for quietTime and
	// for quietFactor times the longest delay so far: what was sent of it before has
	// arrived then, so that the next step of its score is the order's.
	quietTime   = 2 * time.Second
	quietFactor = 3
)

// sampler measures the delay of every few orders. It knows the score that a
// product must have once the order is counted, and looks until it is there.
// There is one sample at a time.
type sampler struct {
	ranking Ranking
	now     clock.Clock
	busy    sync.Mutex

	mu      sync.Mutex
	orders  int
	inRow   int // lost ones
	touched map[int64]touched
	worst   time.Duration
	took    []time.Duration
	sum     Delay
}

// touched is how often and when the replay last moved a product.
type touched struct {
	times int
	at    time.Time
}

func newSampler(r Ranking, now clock.Clock) *sampler {
	return &sampler{ranking: r, now: now, touched: map[int64]touched{}}
}

// touch notes that the replay is about to move a product.
func (s *sampler) touch(productID int64) touched {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.touched[productID]
	s.touched[productID] = touched{t.times + 1, s.now()}
	return s.touched[productID]
}

// begin is called before an order is placed. It returns nil where there is
// nothing to measure.
func (s *sampler) begin(ctx context.Context, i Invoice, wants []order.Want, prices map[int64]money.Won) *sample {
	at, ok := s.choose(wants)
	seen := make([]touched, len(wants))
	for n, w := range wants {
		seen[n] = s.touch(w.ProductID)
	}
	if !ok {
		return nil
	}
	m := &sample{sampler: s, visit: Visit{i.Customer, i.At}, product: wants[at].ProductID, seen: seen[at]}
	before, err := s.ranking.Score(ctx, m.visit, m.product)
	if err != nil {
		m.end()
		return nil
	}
	sold := metric.Sale(m.product, 0, wants[at].Quantity, prices[m.product])
	m.want = before + ranking.Points(ranking.DefaultWeights().Own(sold))
	return m
}

// choose takes the sampler for the first quiet product of every few orders.
func (s *sampler) choose(wants []order.Want) (at int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders++
	if s.orders < sampleEvery || s.inRow >= sampleTrust {
		return 0, false
	}
	now, quiet := s.now(), max(quietTime, quietFactor*s.worst)
	for at, w := range wants {
		if now.Sub(s.touched[w.ProductID].at) > quiet && s.busy.TryLock() {
			s.orders = 0
			return at, true
		}
	}
	return 0, false
}

// sample is one measurement.
type sample struct {
	*sampler

	visit   Visit
	product int64
	want    ranking.Points
	seen    touched
}

// end gives the sampler free.
func (m *sample) end() {
	if m != nil {
		m.busy.Unlock()
	}
}

// await waits until the ranking shows the order that has just been answered.
func (m *sample) await(ctx context.Context) {
	if m == nil {
		return
	}
	began := m.now()
	ctx, cancel := context.WithTimeout(ctx, sampleLimit)
	defer cancel()
	for {
		shown, err := m.ranking.Shows(ctx, m.visit, m.product, m.want)
		if err == nil && shown {
			m.note(m.now().Sub(began), true)
			return
		}
		if !backoff.Wait(ctx, samplePause) {
			m.note(m.now().Sub(began), false)
			return
		}
	}
}

func (m *sample) note(took time.Duration, shown bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.touched[m.product] != m.seen:
		m.sum.Spoiled++
	case shown:
		m.inRow = 0
		m.took = append(m.took, took)
		m.worst = max(m.worst, took)
	case took >= sampleLimit: // else the replay was stopped
		m.inRow++
		m.sum.Lost++
		m.worst = max(m.worst, took)
	}
}

// delay sums up.
func (s *sampler) delay() Delay {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, sorted := s.sum, slices.Sorted(slices.Values(s.took))
	d.Samples = len(sorted)
	if n := len(sorted); n > 0 {
		d.P50, d.P99, d.Max = sorted[(n-1)*50/100], sorted[(n-1)*99/100], sorted[n-1]
	}
	return d
}
