package kafka

import (
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// taken reports, by a channel, that a batch has got its room.
func taken(s *seat, n int64, quit <-chan struct{}) <-chan bool {
	got := make(chan bool, 1)
	go func() { got <- s.take(n, quit) }()
	return got
}

// inBubble runs a test in a bubble: one in which a batch waits for ever fails at once.
func inBubble(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newBench(100)) })
}

// await waits until all that can happen has happened, and so many batches wait at the bench.
func (b *bench) await(t *testing.T, waiting int) {
	t.Helper()
	synctest.Wait()
	if n := len(b.waiting); n != waiting {
		t.Fatalf("%d batches wait", n)
	}
}

func TestTheBatchesInWorkHaveABoundForAllGroups(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		first, second := b.seat(), b.seat()
		if !first.take(60, nil) || !second.take(40, nil) {
			t.Fatal("there is room for both")
		}
		third := taken(first, 50, nil)
		b.await(t, 1)
		fourth := taken(second, 1, nil)
		b.await(t, 2)
		second.give(40)
		if !<-fourth {
			t.Error("a group without a batch in work must not wait")
		}
		b.await(t, 1)
		first.give(60)
		if !<-third || b.used != 51 {
			t.Errorf("%d are in use", b.used)
		}
	})
}

// Groups whose batches hang do not hold up another group, however large its batch is.
func TestAGroupWithoutABatchInWorkNeverWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		hangs, other := b.seat(), b.seat()
		for range 3 {
			taken(hangs, 50, t.Context().Done())
		}
		b.await(t, 1)
		for _, n := range []int64{1, 50, 1_000} {
			if !other.take(n, nil) {
				t.Fatal("no room")
			}
			other.give(n)
		}
	})
}

func TestALargeBatchIsNotOvertaken(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		s := b.seat()
		s.take(60, nil)
		large := taken(s, 90, nil)
		b.await(t, 1)
		small := taken(s, 10, nil)
		b.await(t, 2)
		s.give(60)
		if !<-large || !<-small {
			t.Error("no room")
		}
	})
}

func TestABatchThatIsGivenUpHoldsNoRoom(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		s := b.seat()
		s.take(60, nil)
		quit := make(chan struct{})
		gone := taken(s, 90, quit)
		b.await(t, 1)
		close(quit)
		if <-gone || b.used != 60 || len(b.waiting) > 0 {
			t.Errorf("%d are in use, %d wait", b.used, len(b.waiting))
		}
		granted := &claim{seat: s, bytes: 40, granted: make(chan struct{})}
		b.add(granted) // it gets its room, and is given up all the same
		b.withdraw(granted)
		if b.used != 60 || s.held != 1 {
			t.Errorf("%d are in use by %d", b.used, s.held)
		}
	})
}

// Nothing is decoded before there is room for it: all partitions together would fill the
// memory.
func TestABatchIsDecodedWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	b := newBench(1)
	decoded := 0
	h := handlingOf[int]{open: func(*kgo.Record, *int) (bool, error) { decoded++; return false, nil }}
	w := &worker{consumer: &Consumer{bench: b.seat()}, quit: make(chan struct{})}
	w.consumer.bench.take(1, nil)
	close(w.quit)
	if _, err := h.attempt(w, []*kgo.Record{{}}); err == nil || decoded > 0 {
		t.Errorf("%d records were decoded: %v", decoded, err)
	}
}
