package pgsim

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// randomSource is a source of random numbers with a seed. It returns an independent sequence for each
// subject: the result of the second request of an order is the same in every run with the same seed,
// whatever else happens concurrently.
type randomSource struct{ seed uint64 }

// forKey returns the random numbers of one subject.
func (s randomSource) forKey(subject ...string) *rand.Rand {
	h := fnv.New64a()
	for _, part := range subject {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(s.seed, mix(h.Sum64()))) //nolint:gosec // reproducible on purpose
}

// mix spreads similar numbers over the whole range (the finalizer of splitmix64): subjects often
// differ in only one digit.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// happens reports whether an event with this rate happens.
func happens(r *rand.Rand, rate Rate) bool { return r.Float64() < float64(rate) }

// between returns a duration from least to most.
func between(r *rand.Rand, least, most Duration) time.Duration {
	return time.Duration(least) + time.Duration(r.Float64()*float64(most-least))
}

// pickFault returns the index of the fault that happens, or the number of rates if none does. The
// faults exclude one another.
func pickFault(r *rand.Rand, rates ...Rate) int {
	u := r.Float64()
	for i, rate := range rates {
		if u < float64(rate) {
			return i
		}
		u -= float64(rate)
	}
	return len(rates)
}
