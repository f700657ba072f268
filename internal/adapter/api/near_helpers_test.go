package api_test

import (
	"fmt"
	"slices"
	"testing"
)

// all returns who looked at what.
func (v *fakeViews) all() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.seen)
}

// count returns the sum of a counter over all series with a label of the value given.
func (s *shop) count(tb testing.TB, name, label string) (sum float64) {
	tb.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetValue() == label {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// observed returns how many requests were noted by route and status.
func (s *shop) observed(t *testing.T) map[string]uint64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if n := m.GetHistogram().GetSampleCount(); f.GetName() == "commerce_http_request_duration_seconds" && n > 0 {
				all[fmt.Sprint(m.GetLabel())] = n
			}
		}
	}
	return all
}
