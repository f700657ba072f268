package id_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// An id is below the floor of every later moment, and not below that of its own.
func TestFloorIsAboveEarlierIDsAndBelowLaterOnes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "at"))
		made := id.NewSource(func() time.Time { return at }, rand.Reader)()
		later := id.Floor(at.Add(time.Millisecond))
		own := id.Floor(at)
		if bytes.Compare(made[:], later[:]) >= 0 || bytes.Compare(made[:], own[:]) < 0 {
			t.Errorf("made %v: floor %v, a millisecond later %v", made, own, later)
		}
	})
}
