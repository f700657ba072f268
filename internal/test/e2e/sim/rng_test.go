//go:build synctests

package sim_test

import (
	"math/rand/v2"
	"sync"
	"time"
)

// rng makes random numbers for several goroutines.
type rng struct {
	mu   sync.Mutex
	rand *rand.Rand
}

// newRNG returns the random numbers for one purpose: they do not depend on how many are
// drawn for others.
func newRNG(seed, purpose uint64) *rng { return &rng{rand: rand.New(rand.NewPCG(seed, purpose))} }

func (r *rng) IntN(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rand.IntN(n)
}

func (r *rng) Float64() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rand.Float64()
}

func (r *rng) chance(p float64) bool { return r.Float64() < p }

func (r *rng) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.Float64()*float64(most-least))
}

// Read implements io.Reader, for ids.
func (r *rng) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		p[i] = byte(r.rand.Uint32())
	}
	return len(p), nil
}
