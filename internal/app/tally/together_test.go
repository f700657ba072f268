package tally

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// batch returns n events, whose ids begin with the number of the batch.
func batch(number byte, n int) []contribution {
	events := make([]contribution, n)
	for i := range events {
		events[i].id = id.ID{number, 14: byte(i >> 8), 15: byte(i)}
	}
	return events
}

// counting notes the batches of each transaction. Each waits until it may go on.
type counting struct {
	mu       sync.Mutex
	batches  [][]byte
	open     chan struct{} // nil: all go on
	fail     func(batches []byte) error
	complete map[byte]bool
}

func (c *counting) count(ctx context.Context, events []contribution) error {
	var numbers []byte
	for _, e := range events {
		numbers = append(numbers, e.id[0])
	}
	numbers = slices.Compact(numbers)
	c.mu.Lock()
	c.batches = append(c.batches, numbers)
	c.mu.Unlock()
	if c.open != nil {
		select {
		case <-c.open:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if c.fail != nil {
		if err := c.fail(numbers); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range numbers {
		if c.complete == nil {
			c.complete = map[byte]bool{}
		}
		c.complete[n] = true
	}
	return nil
}

// begin starts to count batches, one after another, each with as many events. The results
// arrive in the channels.
func begin(t *testing.T, g *together, c *counting, first, last byte, events int) []chan error {
	t.Helper()
	var results []chan error
	for n := first; n <= last; n++ {
		done := make(chan error, 1)
		go func() { done <- g.do(t.Context(), batch(n, events), c.count) }()
		synctest.Wait()
		results = append(results, done)
	}
	return results
}

func TestBatchesThatWaitAreCountedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := new(together), &counting{open: make(chan struct{})}
		results := begin(t, g, c, 1, 6, 5_000)
		for range 4 {
			c.open <- struct{}{}
			synctest.Wait()
		}
		for n, result := range results {
			if err := <-result; err != nil {
				t.Errorf("batch %d: %v", n+1, err)
			}
		}
		// Two at once, then as many as fit, then the rest.
		want := [][]byte{{1}, {2}, {3, 4}, {5, 6}}
		if !slices.EqualFunc(c.batches, want, slices.Equal[[]byte]) {
			t.Errorf("the transactions had the batches %v, want %v", c.batches, want)
		}
		if g.running != 0 || len(g.waiting) != 0 {
			t.Errorf("%d are running and %d wait", g.running, len(g.waiting))
		}
	})
}

var errBad = errors.New("bad")

// A batch that fails is to blame for itself only, even if it leads the others.
func TestABatchThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	for bad := byte(3); bad <= 5; bad++ {
		synctest.Test(t, func(t *testing.T) {
			g, c := new(together), &counting{open: make(chan struct{}), fail: func(batches []byte) error {
				if slices.Contains(batches, bad) {
					return errBad
				}
				return nil
			}}
			results := begin(t, g, c, 1, 5, 10)
			for n := range 7 {
				c.open <- struct{}{}
				synctest.Wait()
				if n == 1 { // it runs while the others are tried again, so that they have to wait
					results = append(results, begin(t, g, c, 6, 6, 10)...)
				}
			}
			for i, result := range results {
				if err := <-result; errors.Is(err, errBad) != (byte(i+1) == bad) {
					t.Errorf("batch %d, when %d is bad: %v", i+1, bad, err)
				}
			}
			if len(c.complete) != 5 || !slices.Equal(c.batches[2], []byte{3, 4, 5}) || len(c.batches) != 7 {
				t.Errorf("counted are %v, in the transactions %v", c.complete, c.batches)
			}
		})
	}
}

// The batches that a transaction counts for others are counted though it panics, and
// though its partition is taken away.
func TestALeaderThatFallsHarmsNobody(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g, c := new(together), &counting{open: make(chan struct{})}
			first := begin(t, g, c, 1, 2, 10)
			ctx, cancel := context.WithCancel(t.Context())
			leader := make(chan error, 1)
			go func() {
				defer func() {
					if recover() != nil {
						leader <- errBad
					}
				}()
				leader <- g.do(ctx, batch(3, 10), func(ctx context.Context, events []contribution) error {
					if panics {
						panic("it fell")
					}
					cancel()
					return c.count(ctx, events)
				})
			}()
			synctest.Wait()
			others := begin(t, g, c, 4, 5, 10)
			close(c.open)
			if err := <-leader; err == nil && panics {
				t.Error("the leader was counted")
			}
			for _, result := range append(first, others...) {
				if err := <-result; err != nil {
					t.Error(err)
				}
			}
			cancel()
			if g.running != 0 || len(g.waiting) != 0 || !c.complete[4] || !c.complete[5] {
				t.Errorf("%d are running and %d wait, and counted are %v", g.running, len(g.waiting), c.complete)
			}
		})
	}
}

// A batch whose partition is taken away while it waits returns at once.
func TestABatchThatWaitsReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := new(together), &counting{open: make(chan struct{})}
		running := begin(t, g, c, 1, 2, 10)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- g.do(ctx, batch(3, 10), c.count) }()
		synctest.Wait()
		after := begin(t, g, c, 4, 4, 10)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
		close(c.open)
		for _, result := range append(running, after...) {
			if err := <-result; err != nil {
				t.Error(err)
			}
		}
		if c.complete[3] || !c.complete[4] {
			t.Errorf("counted are %v", c.complete)
		}
	})
}

// Whatever fails and whoever leaves: a batch that reports no error was counted, and in the
// end nothing runs or waits.
func TestNoBatchIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		bad := rapid.SliceOfN(rapid.Bool(), 20, 20).Draw(r, "bad")
		leaves := rapid.SliceOfN(rapid.Bool(), 20, 20).Draw(r, "leaves")
		g, c := new(together), &counting{fail: func(batches []byte) error {
			for _, n := range batches {
				if bad[n] {
					return errBad
				}
			}
			return nil
		}}
		var all sync.WaitGroup
		errs := make([]error, len(bad))
		for n := range bad {
			all.Go(func() {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				if leaves[n] {
					cancel()
				}
				errs[n] = g.do(ctx, batch(byte(n), 3), c.count)
			})
		}
		all.Wait()
		for n, err := range errs {
			if counted := c.complete[byte(n)]; err == nil && !counted || counted && bad[n] || err != nil && !bad[n] && !leaves[n] {
				r.Errorf("batch %d (bad: %v, leaves: %v): counted is %v, the error %v", n, bad[n], leaves[n], counted, err)
			}
		}
		if g.running != 0 || len(g.waiting) != 0 {
			r.Errorf("%d are running and %d wait", g.running, len(g.waiting))
		}
	})
}
