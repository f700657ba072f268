package verify

import "github.com/loopers-commerce/commerce/internal/store"

// Progress is told which check is under way and how many rows it has read: when
// it begins, and every so many rows. Nil is told nothing.
type Progress func(check string, rows int64)

// often is after how many rows progress is told.
const often = 10_000

// recount is a check that is under way. It implements store.Recount.
type recount struct {
	Result

	rows     int64
	progress Progress
}

func begin(c check, progress Progress) *recount {
	if progress == nil {
		progress = func(string, int64) {}
	}
	progress(c.name, 0)
	return &recount{
		Result:   Result{Truth: c.truth, Check: c.name, Compares: c.compares, Differences: []store.Difference{}},
		progress: progress,
	}
}

// read notes that one more row was read.
func (r *recount) read() {
	r.rows++
	if r.rows%often == 0 {
		r.progress(r.Check, r.rows)
	}
}

// Checked implements store.Recount.
func (r *recount) Checked() {
	r.read()
	r.Result.Compared++
}

// Differs implements store.Recount.
func (r *recount) Differs(d store.Difference) { r.note(d) }
