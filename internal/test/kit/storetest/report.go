package storetest

import "github.com/loopers-commerce/commerce/internal/store"

// Report collects the result of an audit. It implements store.AuditReport.
type Report struct {
	Rows        int64 // how many rows were compared
	Differences []store.Difference
}

// Checked implements store.AuditReport.
func (r *Report) Checked() { r.Rows++ }

// Differs implements store.AuditReport.
func (r *Report) Differs(d store.Difference) { r.Differences = append(r.Differences, d) }
