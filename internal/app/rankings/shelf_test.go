package rankings

import (
	"context"
	"testing"
	"time"
)

func TestResultsInMemoryAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newShelf[int, int](func() time.Time { return now }, grace)
	for key := range 10 * maxKept {
		now = now.Add(time.Millisecond)
		got, err := s.get(t.Context(), key, func(context.Context) (int, error) { return key, nil })
		if err != nil || got != key || len(s.kept) > maxKept {
			t.Fatalf("%d, %v; %d are kept", got, err, len(s.kept))
		}
	}
	last := 10*maxKept - 1 // the newest ones are kept
	if got, err := s.get(t.Context(), last, nil); err != nil || got != last {
		t.Errorf("%d, %v", got, err)
	}
}
