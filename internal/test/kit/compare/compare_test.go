package compare_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/compare"
)

// recorder keeps the failures of a test.
type recorder struct {
	testing.TB

	failures []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestLinesAreComparedWithoutOrderAndCounted(t *testing.T) {
	t.Parallel()
	var r recorder
	compare.Lines(&r, "orders", []string{"a", "b", "b"}, []string{"b", "a", "b"})
	if len(r.failures) > 0 {
		t.Errorf("equal lists differ: %v", r.failures)
	}
	compare.Lines(&r, "orders", []string{"a", "b", "b"}, []string{"b", "c"})
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], "orders: 3 lines differ") || !strings.HasSuffix(r.failures[0], ":\n-1 a\n-1 b\n+1 c") {
		t.Errorf("failures: %q", r.failures)
	}
}
