package storetest

import "github.com/loopers-commerce/commerce/internal/store"

// Report keeps what comes of a comparison. It implements store.Recount.
type Report struct {
	Places      int64
	Differences []store.Difference
}

// Compared implements store.Recount.
func (r *Report) Compared() { r.Places++ }

// Differs implements store.Recount.
func (r *Report) Differs(d store.Difference) { r.Differences = append(r.Differences, d) }
