package redis_test

import (
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

const stamp = "100/200/700/100"

// unwatched is for a build of which nobody wants to know how far it is.
func unwatched() error { return nil }

func today() clock.Day { return clock.DayOf(time.Now()) }

func set(t *testing.T, b redistest.Board, day clock.Day, scores ...ranking.Score) {
	t.Helper()
	if err := b.Set(t.Context(), day, 0, scores); err != nil {
		t.Fatal(err)
	}
}

// build builds a day's board from scores.
func build(t *testing.T, b redistest.Board, day clock.Day, scores ...ranking.Score) {
	t.Helper()
	token, err := b.Begin(t.Context(), day, "builder", 0)
	if err == nil {
		err = b.Fill(t.Context(), day, token, scores)
	}
	if err == nil {
		err = b.Finish(t.Context(), day, token, stamp, unwatched)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func top(t *testing.T, b redistest.Board, day clock.Day, offset, limit int64) []ranking.Entry {
	t.Helper()
	entries, _, err := b.Top(t.Context(), day, offset, limit)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func dump(t *testing.T, b redistest.Board, day clock.Day) (own, live map[int64]int64) {
	t.Helper()
	own, live, err := b.Dump(t.Context(), day)
	if err != nil {
		t.Fatal(err)
	}
	return own, live
}

func TestTheTopIsInOrderOfScoreAndThenOfID(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today(),
			ranking.Score{ProductID: 9, Own: 1, Live: 50, Version: 1}, ranking.Score{ProductID: 100, Own: 1, Live: 50, Version: 1},
			ranking.Score{ProductID: math.MaxInt64, Own: 1, Live: 7, Version: 1}, ranking.Score{ProductID: 3, Own: 1, Live: 1 << 53, Version: 1})
		want := []ranking.Entry{
			{Rank: 1, ProductID: 3, Score: 1 << 53}, {Rank: 2, ProductID: 100, Score: 50},
			{Rank: 3, ProductID: 9, Score: 50}, {Rank: 4, ProductID: math.MaxInt64, Score: 7},
		}
		if diff := cmp.Diff(want, top(t, b, today(), 0, 10)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want[1:3], top(t, b, today(), 1, 2)); diff != "" {
			t.Errorf("the second and third: %s", diff)
		}
		if past := top(t, b, today(), 4, 10); len(past) > 0 {
			t.Errorf("past the end there is %v", past)
		}
	})
}

func TestAnOlderScoreChangesNothing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today(), ranking.Score{ProductID: 1, Own: 20, Live: 20, Version: 10})
		set(t, b, today(), ranking.Score{ProductID: 1, Own: 90, Live: 90, Version: 9})
		if own, live := dump(t, b, today()); own[1] != 20 || live[1] != 20 {
			t.Errorf("own %d, live %d; want those of version 10", own[1], live[1])
		}
		set(t, b, today(), ranking.Score{ProductID: 1, Own: 30, Live: 30, Version: 10})
		if _, live := dump(t, b, today()); live[1] != 30 {
			t.Errorf("live %d; the same version, made with other weights, must be written", live[1])
		}
	})
}

func TestAProductWithoutAScoreHasNoPlace(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today(), ranking.Score{ProductID: 1, Own: 20, Live: 20, Version: 1}, ranking.Score{ProductID: 2, Own: 5, Live: 5, Version: 1})
		set(t, b, today(), ranking.Score{ProductID: 1, Own: -200, Live: 0, Version: 3}, ranking.Score{ProductID: 2, Own: 0, Live: 2, Version: 2})
		set(t, b, today(), ranking.Score{ProductID: 1, Own: 20, Live: 20, Version: 2})
		own, live := dump(t, b, today())
		if diff := cmp.Diff(map[int64]int64{1: -200}, own); diff != "" {
			t.Errorf("own: %s", diff)
		}
		if diff := cmp.Diff(map[int64]int64{2: 2}, live); diff != "" {
			t.Errorf("live: %s", diff)
		}
	})
}

func TestManyProductsAreWrittenInParts(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		var scores []ranking.Score
		for i := range int64(2500) {
			scores = append(scores, ranking.Score{ProductID: i + 1, Own: i + 1, Live: i + 1, Version: 1})
		}
		set(t, b, today(), scores...)
		own, live := dump(t, b, today())
		if len(own) != len(scores) || len(live) != len(scores) || live[2500] != 2500 {
			t.Errorf("%d own and %d live scores of %d", len(own), len(live), len(scores))
		}
	})
}

func TestScoresBeyondThePrecisionOfADoubleAreCut(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today(), ranking.Score{ProductID: 1, Own: math.MinInt64, Live: math.MaxInt64, Version: 1})
		if own, live := dump(t, b, today()); own[1] != -1<<53 || live[1] != 1<<53 {
			t.Errorf("own %d, live %d", own[1], live[1])
		}
	})
}

func TestEveryKeyExpiresAtTheSameMoment(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		day := today().Add(-3)
		build(t, b, day, ranking.Score{ProductID: 1, Own: 20, Live: 20, Version: 1})
		for _, kind := range []string{"whole:", "ver:", "own:", ""} {
			key := b.Prefix + "ranking:{all}:" + kind + day.String()
			ttl, err := b.Client.TTL(t.Context(), key).Result()
			if err != nil {
				t.Fatal(err)
			}
			want := time.Until(day.Add(8).Start())
			if ttl < want-time.Minute || ttl > want+time.Minute {
				t.Errorf("%s expires in %v, want %v", key, ttl, want)
			}
		}
	})
}

func TestADayThatHasExpiredIsNotWritten(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today().Add(-8), ranking.Score{ProductID: 1, Own: 20, Live: 20, Version: 1})
		if keys := b.Client.Keys(t.Context(), b.Prefix+"*").Val(); len(keys) > 0 {
			t.Errorf("there is %v", keys)
		}
	})
}

func TestARankIsAPlaceOrNothing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		scores := []ranking.Score{{ProductID: 7, Own: 1, Live: 9, Version: 1}, {ProductID: 8, Own: 1, Live: 10, Version: 1}}
		set(t, b, today(), scores...)
		if rank, err := b.Rank(t.Context(), today(), 7); err != nil || rank != nil {
			t.Errorf("rank %v, %v on a board that is not complete", rank, err)
		}
		build(t, b, today(), scores...)
		if rank, err := b.Rank(t.Context(), today(), 7); err != nil || rank == nil || *rank != 2 {
			t.Errorf("rank %v, %v; want 2", rank, err)
		}
		if rank, err := b.Rank(t.Context(), today(), 9); err != nil || rank != nil {
			t.Errorf("rank %v, %v of an unknown product", rank, err)
		}
	})
}

func TestScoresOfSomeProducts(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today(), ranking.Score{ProductID: 1, Own: -5, Version: 1}, ranking.Score{ProductID: 2, Own: 6, Live: 7, Version: 1})
		own, live, err := b.Scores(t.Context(), today(), []int64{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]map[int64]int64{{1: -5, 2: 6}, {2: 7}}, []map[int64]int64{own, live}); diff != "" {
			t.Error(diff)
		}
	})
}

// Scores may arrive in any order and repeatedly: the newest one stays.
func TestTheNewestScoreWinsInAnyOrder(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		var round int
		rapid.Check(t, func(r *rapid.T) {
			round++
			day := today().Add(-round % 8)
			b := redistest.Board{Board: redis.NewBoard(b.Caller, b.Prefix+strconv.Itoa(round)+":")}
			n := rapid.IntRange(1, 6).Draw(r, "versions")
			score := func(pid, version int64) ranking.Score {
				live := (version*37+pid*11)%13 - 3
				return ranking.Score{ProductID: pid, Own: live - version%2, Live: live, Version: version}
			}
			var writes []ranking.Score
			for pid := range int64(3) {
				for v := range int64(n) {
					writes = append(writes, score(pid+1, v+1))
				}
			}
			writes = append(writes, rapid.SliceOfN(rapid.SampledFrom(writes), 0, 5).Draw(r, "repeats")...)
			for _, s := range rapid.Permutation(writes).Draw(r, "order") {
				set(t, b, day, s)
			}
			own, live := dump(t, b, day)
			for pid := range int64(3) {
				want := score(pid+1, int64(n))
				if own[want.ProductID] != want.Own || live[want.ProductID] != max(want.Live, 0) {
					r.Errorf("product %d: own %d live %d, want %+v", want.ProductID, own[want.ProductID], live[want.ProductID], want)
				}
			}
		})
	})
}

// A cluster keeps keys with the same hash tag in one slot.
func TestKeysOfADayShareAHashTag(t *testing.T) {
	t.Parallel()
	b := redistest.Real(t, time.Now)
	build(t, b, today(), ranking.Score{ProductID: 1, Own: 1, Live: 1, Version: 1})
	keys := b.Client.Keys(t.Context(), b.Prefix+"*").Val()
	for _, key := range keys {
		_, rest, _ := strings.Cut(key, "{")
		if tag, _, _ := strings.Cut(rest, "}"); tag != "all" {
			t.Errorf("the hash tag of %q is %q", key, tag)
		}
	}
	if len(keys) != 4 {
		t.Errorf("keys %v", keys)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
