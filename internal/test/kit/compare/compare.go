// Package compare compares lists of facts whose order does not matter.
package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Lines fails the test unless both lists have the same lines, each as often. It
// shows the first lines that differ.
func Lines(tb testing.TB, what string, want, got []string) {
	tb.Helper()
	count := map[string]int{}
	for _, line := range got {
		count[line]++
	}
	for _, line := range want {
		count[line]--
	}
	var wrong []string
	for _, line := range slices.Sorted(maps.Keys(count)) {
		if n := count[line]; n != 0 {
			wrong = append(wrong, fmt.Sprintf("%+d %s", n, line))
		}
	}
	if len(wrong) > 0 {
		const most = 20
		tb.Errorf("%s: %d lines differ (- missing, + unexpected):\n%s", what, len(wrong), strings.Join(wrong[:min(len(wrong), most)], "\n"))
	}
}
