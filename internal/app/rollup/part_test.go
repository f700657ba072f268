package rollup

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func TestTheNameOfAPartitionHasAllOfIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(ranking.Kinds()).Draw(t, "kind")
		day := clock.Day(20000101).Add(rapid.IntRange(0, 100*365).Draw(t, "day"))
		p := part{period: ranking.PeriodOf(kind, day), of: rapid.IntRange(1, mostRanges).Draw(t, "of")}
		p.number = rapid.IntRange(1, p.of).Draw(t, "number")
		p.newest, p.weights = rapid.Int64Min(0).Draw(t, "newest"), rapid.Int64Min(0).Draw(t, "weights")
		if got, err := parsePart(kind, p.String()); err != nil || got != p {
			t.Errorf("%q is %+v, %v; want %+v", p, got, err, p)
		}
	})
}

func TestOtherNamesAreNoPartitions(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "weekly", "2026-W12", "2026-W54 part 1/1 of products 1-9, weights 0", "2026-W12 part 2/1 of products 1-9, weights 0",
		"2026-W12 part 0/1 of products 1-9, weights 0", "2026-W12 part 1/1 of products 1-9, weights", "2026-12 part 1/1 of products 1-9, weights 0",
		"2026-W12 part 1/1 of products 1-9, weights 0 and more",
	} {
		if p, err := parsePart(ranking.Weekly, name); err == nil {
			t.Errorf("%q is %+v", name, p)
		}
	}
}

func TestTheNumberOfRangesGrowsWithTheProducts(t *testing.T) {
	t.Parallel()
	for newest, want := range map[int64]int{0: 1, 1: 1, productsFew: 1, productsFew + 1: 2, 10 * productsFew: 10, 1 << 40: mostRanges} {
		if got := (options{}).count(newest); got != want {
			t.Errorf("%d products: %d ranges, want %d", newest, got, want)
		}
	}
	if got := (options{ranges: 3}).count(1 << 40); got != 3 {
		t.Errorf("%d ranges, want those that are given", got)
	}
}
