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

// number is a result as heavy as it says.
type number int

func (n number) weight() int { return int(n) }

func TestResultsInMemoryAreBounded(t *testing.T) {
	t.Parallel()
	for name, heavy := range map[string]number{"many small ones": 0, "few large ones": maxWeight / 4, "none fits": 2 * maxWeight} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			s := newShelf[int, number](func() time.Time { return now }, newBudget(func() time.Time { return now }), grace)
			const keys = 10_000
			for key := range keys {
				now = now.Add(time.Millisecond)
				got, err := s.get(t.Context(), key, func(context.Context) (number, error) { return heavy, nil })
				if err != nil || got != heavy || s.heavy > max(maxWeight, weight+int(heavy)) || len(s.kept) > maxWeight/weight {
					t.Fatalf("%d, %v; %d are kept, of %d", got, err, len(s.kept), s.heavy)
				}
			}
			if got, err := s.get(t.Context(), keys-1, nil); err != nil || got != heavy { // the newest ones are kept
				t.Errorf("%d, %v", got, err)
			}
			heavier := 0
			for _, k := range s.kept {
				heavier += weight + k.value.weight()
			}
			if heavier != s.heavy {
				t.Errorf("%d weigh %d, not %d", len(s.kept), heavier, s.heavy)
			}
		})
	}
}

// Those who wait for the same result are told, and the next attempt is made as usual.
func TestAResultThatPanicsIsAnErrorForAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf[int, number](time.Now, newBudget(time.Now), grace)
		began, bug := make(chan struct{}), make(chan struct{})
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				_, err := s.get(t.Context(), 1, func(context.Context) (number, error) {
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
		if got, err := s.get(t.Context(), 1, func(context.Context) (number, error) { return 7, nil }); got != 7 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
	})
}
