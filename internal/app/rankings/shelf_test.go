package rankings

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/panics"
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

// Those who wait for the same result are told, and the next attempt is made as usual.
func TestAResultThatPanicsIsAnErrorForAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf[int, int](time.Now, grace)
		began, bug := make(chan struct{}), make(chan struct{})
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				_, err := s.get(t.Context(), 1, func(context.Context) (int, error) {
					close(began)
					<-bug
					panic("a bug")
				})
				if p, ok := errors.AsType[*panics.Error](err); !ok || p.Value != "a bug" {
					t.Errorf("the error is %v", err)
				}
			})
		}
		<-began
		synctest.Wait()
		close(bug)
		waiting.Wait()
		time.Sleep(time.Second)
		if got, err := s.get(t.Context(), 1, func(context.Context) (int, error) { return 7, nil }); got != 7 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
	})
}
