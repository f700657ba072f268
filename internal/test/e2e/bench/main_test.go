package bench_test

import (
	"context"
	"os"
	"testing"

	"github.com/loopers-commerce/commerce/internal/program/kit/heap"
)

// TestMain lets garbage be collected as in the programs. This is to the advantage of what
// we are compared with in this process, too.
func TestMain(m *testing.M) {
	go heap.KeepMinimum(context.Background(), 128<<20)
	os.Exit(m.Run())
}
