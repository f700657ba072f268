package cluster_test

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// Nobody listens on a port yet when the next test asks for one.
func TestAPortIsGivenOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 500 { // of 10,000
		port := cluster.FreePort(t)
		if seen[port] {
			t.Fatalf("port %s was given twice", port)
		}
		seen[port] = true
	}
}
