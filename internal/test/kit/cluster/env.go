package cluster

import (
	"os"
	"strconv"
	"testing"
)

// EnvNumber returns the number in an environment variable, or fallback if it is
// empty.
func EnvNumber(tb testing.TB, name string, fallback uint64) uint64 {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		tb.Fatalf("%s=%q: must be a number", name, text)
	}
	return n
}
