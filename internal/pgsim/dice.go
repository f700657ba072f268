package pgsim

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// dice decide by a seed, and for each subject apart from all others: what
// becomes of the second request of an order is the same in every run with the
// same seed, whatever else goes on at the same time.
type dice struct{ seed uint64 }

// about returns the random numbers of one subject.
func (d dice) about(subject ...string) *rand.Rand {
	h := fnv.New64a()
	for _, s := range subject {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(d.seed, mix(h.Sum64()))) //nolint:gosec // it must be predictable
}

// mix makes numbers far apart of numbers that are alike (the finalizer of
// splitmix64): subjects differ in a digit or two.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hits reports whether something that happens at a rate happens.
func hits(r *rand.Rand, rate Rate) bool { return r.Float64() < float64(rate) }

// between returns a span from least to most.
func between(r *rand.Rand, least, most Duration) time.Duration {
	return time.Duration(least) + time.Duration(r.Float64()*float64(most-least))
}

// choose returns the first of several fates whose rates exclude one another
// that is hit; their number if none is.
func choose(r *rand.Rand, rates ...Rate) int {
	u := r.Float64()
	for i, rate := range rates {
		if u < float64(rate) {
			return i
		}
		u -= float64(rate)
	}
	return len(rates)
}
