package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// ranked returns scores of n products in one version.
func ranked(n, version int64) []ranking.Score {
	scores := make([]ranking.Score, n)
	for i := range scores {
		live := (int64(i)*7919 + version) % 1_000_003 * 1000
		scores[i] = ranking.Score{ProductID: int64(i) + 1, Own: live + 1, Live: live + 1, Version: version}
	}
	return scores
}

// each measures op on both servers, on a board of ten thousand products.
func each(b *testing.B, op func(ctx context.Context, board redistest.Board, n int64) error) {
	b.Helper()
	for name, open := range map[string]func(testing.TB, clock.Clock) redistest.Board{
		"embedded": redistest.Embedded, "real": redistest.Real,
	} {
		b.Run(name, func(b *testing.B) {
			board := open(b, time.Now)
			if err := board.Set(b.Context(), today(), 0, ranked(10_000, 1)); err != nil {
				b.Fatal(err)
			}
			for n := int64(2); b.Loop(); n++ {
				if err := op(b.Context(), board, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A thousand products are what a busy batch touches.
func BenchmarkSetThousand(b *testing.B) {
	each(b, func(ctx context.Context, board redistest.Board, n int64) error {
		return board.Set(ctx, today(), 0, ranked(1000, n))
	})
}

func BenchmarkSetOne(b *testing.B) {
	each(b, func(ctx context.Context, board redistest.Board, n int64) error {
		return board.Set(ctx, today(), 0, ranked(1, n))
	})
}

func BenchmarkTopTwenty(b *testing.B) {
	each(b, func(ctx context.Context, board redistest.Board, _ int64) error {
		_, _, err := board.Top(ctx, today(), 0, 20)
		return err
	})
}

func BenchmarkRank(b *testing.B) {
	each(b, func(ctx context.Context, board redistest.Board, n int64) error {
		_, err := board.Rank(ctx, today(), n%10_000+1)
		return err
	})
}
