package gather_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/loopers-commerce/commerce/internal/base/gather"
)

func TestRequestsGatherWhileOthersAreDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		goOn := make(chan struct{})
		q := gather.New(10, func(n int) int { return n }, func(batch []int) {
			batches = append(batches, batch)
			<-goOn
		})
		q.Add(1)
		synctest.Wait()
		for _, n := range []int{2, 3, 4, 5, 20, 1} {
			q.Add(n)
		}
		close(goOn)
		synctest.Wait()
		q.Add(7) // it begins again
		synctest.Wait()
		want := [][]int{{1}, {2, 3, 4}, {5}, {20}, {1}, {7}}
		if !slices.EqualFunc(batches, want, slices.Equal[[]int]) {
			t.Errorf("%v, want %v", batches, want)
		}
	})
}
