package backoff_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

func TestWaitsDoubleUpToTheLimit(t *testing.T) {
	t.Parallel()
	b := backoff.New(100*time.Millisecond, 500*time.Millisecond, nil)
	var got []time.Duration
	for range 5 {
		got = append(got, b.Next()/time.Millisecond)
	}
	if want := []time.Duration{100, 200, 400, 500, 500}; !slices.Equal(got, want) {
		t.Errorf("waited %v ms, want %v", got, want)
	}
	b.Reset()
	if b.Next() != 100*time.Millisecond {
		t.Error("after a success the waits do not start over")
	}
}

func TestHalfOfEachWaitIsRandom(t *testing.T) {
	t.Parallel()
	b := backoff.New(time.Second, time.Minute, func() float64 { return 0.5 })
	if got := b.Next(); got != 750*time.Millisecond {
		t.Errorf("waited %v, want 750ms", got)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if backoff.Wait(ctx, time.Hour) {
			t.Error("the wait outlived its context")
		}
		if !backoff.Wait(t.Context(), time.Hour) {
			t.Error("the wait did not last")
		}
	})
}
