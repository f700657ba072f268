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

// Rows are deleted by ranges of ids: the floor of a time that no id can have must not be in
// the middle of those that there are.
func TestFloorOfATimeBeforeAllIDsIsBelowThem(t *testing.T) {
	t.Parallel()
	first, last := id.Floor(time.UnixMilli(0)), id.Floor(time.UnixMilli(1<<48-1))
	for _, year := range []int{-4000, 1, 1800, 1969} {
		if got := id.Floor(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); got != first {
			t.Errorf("the floor of the year %d is %s", year, got)
		}
	}
	for _, year := range []int{11_000, 300_000} {
		if got := id.Floor(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); bytes.Compare(got[:], last[:]) < 0 {
			t.Errorf("the floor of the year %d is %s", year, got)
		}
	}
	if at, dated := id.Floor(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)).Time(); !dated || at.Year() != 9999 {
		t.Errorf("the floor of the year 9999 has the time %v", at)
	}
}

func TestAppendWritesWhatStringReturns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := id.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		if got := string(v.Append([]byte("x"))); got != "x"+v.String() {
			t.Errorf("%s, want x%s", got, v)
		}
	})
}
