//go:build synctests

package sim_test

import (
	"math/rand/v2"
	"sync"
	"time"
)

// dice is a source of chance that goroutines can share.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

// newDice returns the dice for one purpose, by its number: what one of them is
// asked changes nothing for the others.
func newDice(seed, purpose uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, purpose))} }

func (d *dice) IntN(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) Float64() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Float64()
}

func (d *dice) chance(p float64) bool { return d.Float64() < p }

func (d *dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Float64()*float64(most-least))
}

// Read implements io.Reader, for ids.
func (d *dice) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range p {
		p[i] = byte(d.r.Uint32())
	}
	return len(p), nil
}
