package redis_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// many returns products from 1 on; the score of each is its id.
func many(n int64) (all []ranking.Score) {
	for pid := int64(1); pid <= n; pid++ {
		all = append(all, ranking.Score{ProductID: pid, Own: pid, Live: pid, Version: 1})
	}
	return all
}

func TestASnapshotIsACopyOfTheFirstPlaces(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		day := today()
		build(t, b, day, many(1500)...)
		n, complete, err := b.Snapshot(t.Context(), day, "one", 1000, time.Minute)
		if n != 1000 || !complete || err != nil {
			t.Fatalf("%d places, complete %t, %v", n, complete, err)
		}
		want := top(t, b, day, 990, 10)
		set(t, b, day, ranking.Score{ProductID: 9999, Own: 1 << 30, Live: 1 << 30, Version: 1})
		got, there, err := b.OfSnapshot(t.Context(), "one", 990, 20)
		if diff := cmp.Diff(want, got); diff != "" || !there || err != nil {
			t.Errorf("there %t, %v, %s", there, err, diff)
		}
		if rest, there, err := b.OfSnapshot(t.Context(), "one", 1000, 10); len(rest) > 0 || !there || err != nil {
			t.Errorf("beyond the depth: %v, there %t, %v", rest, there, err)
		}
		key := b.Prefix + "ranking:{all}:snap:one"
		if left := b.Client.PTTL(t.Context(), key).Val(); left <= 0 || left > time.Minute {
			t.Errorf("it expires in %v", left)
		}
	})
}

func TestThereIsNoSnapshotOfABoardThatIsNotComplete(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today(), many(3)...)
		if n, complete, err := b.Snapshot(t.Context(), today(), "one", 10, time.Minute); n != 0 || complete || err != nil {
			t.Errorf("%d places, complete %t, %v", n, complete, err)
		}
		if _, there, err := b.OfSnapshot(t.Context(), "one", 0, 10); there || err != nil {
			t.Errorf("there %t, %v", there, err)
		}
	})
}

func TestRanksAndScoresOfSomeProducts(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		day := today()
		ids := []int64{1, 2500, 9999, 2000}
		set(t, b, day, many(1)...)
		if _, complete, err := b.Ranks(t.Context(), day, ids); complete || err != nil {
			t.Errorf("ranks: complete %t, %v", complete, err)
		}
		if _, complete, err := b.LiveScores(t.Context(), day, ids); complete || err != nil {
			t.Errorf("scores: complete %t, %v", complete, err)
		}
		build(t, b, day, append(many(2500), ranking.Score{ProductID: 9999, Own: -1, Live: -1, Version: 1})...)
		ranks, complete, err := b.Ranks(t.Context(), day, ids)
		if diff := cmp.Diff(map[int64]int64{1: 2500, 2500: 1, 2000: 501}, ranks); diff != "" || !complete || err != nil {
			t.Errorf("ranks: complete %t, %v, %s", complete, err, diff)
		}
		var all []int64
		for pid := int64(1); pid <= 3000; pid++ {
			all = append(all, pid)
		}
		scores, complete, err := b.LiveScores(t.Context(), day, all)
		if len(scores) != 2500 || scores[1] != 1 || scores[2500] != 2500 || !complete || err != nil {
			t.Errorf("%d scores, complete %t, %v", len(scores), complete, err)
		}
	})
}
