package main

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
)

const slowest = 10

// finish prints the summary and returns an error if the run has failed.
func (r *report) finish() error {
	passed, skipped := r.leaves(r.passed), r.leaves(r.skipped)
	r.printSlowest(slices.Concat(passed, r.failed))
	for _, t := range r.failed {
		r.print(fmt.Sprintf("FAILED: %s %s\n", t.pkg, t.test))
	}
	r.print(fmt.Sprintf("\n%d passed, %d failed, %d skipped\n", len(passed), len(r.failed), len(skipped)))
	switch {
	case len(r.failed) > 0:
		return errors.New("tests failed")
	case len(passed) == 0:
		return errors.New("no test ran")
	}
	return nil
}

func (r *report) printSlowest(all []result) {
	slices.SortStableFunc(all, func(a, b result) int { return cmp.Compare(b.took, a.took) })
	all = all[:min(slowest, len(all))]
	r.print(fmt.Sprintf("\nThe %d slowest tests:\n", len(all)))
	for _, t := range all {
		r.print(fmt.Sprintf("%8.2fs  %s %s\n", t.took.Seconds(), path.Base(t.pkg), t.test))
	}
}

// leaves returns the results without those of tests that have subtests.
func (r *report) leaves(all []result) []result {
	return slices.DeleteFunc(all, func(t result) bool { return r.parents[t.key] })
}
