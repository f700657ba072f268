package verify

import "github.com/loopers-commerce/commerce/internal/store"

// Progress is called with the current check and the number of rows it has read, when
// the check begins and at every 10,000 rows. It may be nil.
type Progress func(check string, rows int64)

// progressRows is the number of rows between two calls of Progress.
const progressRows = 10_000

// recount is a check in progress. It implements store.AuditReport.
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

// read counts a row.
func (r *recount) read() {
	r.rows++
	if r.rows%progressRows == 0 {
		r.progress(r.Check, r.rows)
	}
}

// Checked implements store.AuditReport.
func (r *recount) Checked() {
	r.read()
	r.Compared++
}

// Differs implements store.AuditReport.
func (r *recount) Differs(d store.Difference) { r.note(d) }
