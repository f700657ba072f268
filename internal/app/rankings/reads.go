package rankings

import "sync/atomic"

// reads counts pages by source.
type reads map[Source]*atomic.Int64

func newReads() reads {
	counts := make(reads)
	for _, s := range Sources() {
		counts[s] = new(atomic.Int64)
	}
	return counts
}

func (c reads) count(s Source) { c[s].Add(1) }

// Reads returns how many pages were read from a source.
func (r *Reader) Reads(s Source) int64 { return r.reads[s].Load() }
