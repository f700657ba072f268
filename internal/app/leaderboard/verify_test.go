package leaderboard_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

func verify(s *env, v *leaderboard.Verifier, days ...clock.Day) leaderboard.Report {
	s.Helper()
	report, err := v.Verify(s.Context(), days, nil)
	if err != nil {
		s.Fatal(err)
	}
	return report
}

func TestACorrectBoardHasNoDifferences(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: -4})
	s.count(2, map[int64]int64{3: 7})
	days := s.today.Add(-9).Until(s.today.Add(1))
	s.rebuild(days...)
	report := verify(s, s.verifier, days...)
	if len(report.Days) != 8 || report.Days[0] != s.today.Add(-7) {
		s.Errorf("compared %v: those that have a board", report.Days)
	}
	// own: three; live: product 1 and 3 today, 3 on the two days before.
	if report.Compared != 3+4 || report.Differences == nil || len(report.Differences) > 0 {
		s.Errorf("%+v", report)
	}
}

func TestEveryKindOfDifferenceIsFound(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: 5, 3: -1})
	s.rebuild(s.today)
	s.count(0, map[int64]int64{4: 1}) // was never written
	s.setScore(s.today, 2, 7, 500_000, 99)
	s.setScore(s.today, 3, -100_000, 6, 99)
	s.setScore(s.today, 9, 1, 1, 1)
	n := func(v int64) *int64 { return &v }
	want := []leaderboard.Difference{
		{ProductID: 2, Day: s.today, What: "own", Want: n(500_000), Got: n(7)},
		{ProductID: 3, Day: s.today, What: "live", Got: n(6)},
		{ProductID: 4, Day: s.today, What: "live", Want: n(100_000)},
		{ProductID: 4, Day: s.today, What: "own", Want: n(100_000)},
		{ProductID: 9, Day: s.today, What: "live", Got: n(1)},
		{ProductID: 9, Day: s.today, What: "own", Got: n(1)},
	}
	report := verify(s, s.verifier, s.today)
	if diff := cmp.Diff(want, report.Differences); diff != "" {
		s.Error(diff)
	}
	if report.Compared != 5+5 {
		s.Errorf("compared %d", report.Compared)
	}
}

// slow is a board on which a write arrives only after it was first read.
type slow struct {
	redistest.Board
	arrive func()
}

func (b slow) Each(ctx context.Context, day clock.Day, yield func(what string, pid, score int64) error) error {
	defer b.arrive()
	return b.Board.Each(ctx, day, yield)
}

func TestAWriteInProgressIsNoDifference(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.rebuild(s.today)
	s.count(0, map[int64]int64{1: 3})
	late := slow{s.board, func() { s.setScore(s.today, 1, 300_000, 300_000, 1) }}
	v := leaderboard.NewVerifier(s.db, late, s.clock.now, discard())
	if report := verify(s, v, s.today); len(report.Differences) > 0 || report.Compared != 2 {
		t.Errorf("%+v", report)
	}
}

// Products of one group share a checksum.
func TestDifferencesAreFoundBesideProductsOfTheSameGroup(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 4097: 5, 8193: 7})
	s.rebuild(s.today)
	s.setScore(s.today, 1, 500_000, 500_000, 99) // 1 and 4097 have changed places
	s.setScore(s.today, 4097, 300_000, 300_000, 99)
	report := verify(s, s.verifier, s.today)
	if len(report.Differences) != 4 || report.Compared != 6 {
		t.Errorf("%+v", report)
	}
}

// twice is a board that is scanned while its server rehashes: scores come twice.
type twice struct{ redistest.Board }

func (b twice) Each(ctx context.Context, day clock.Day, yield func(what string, pid, score int64) error) error {
	return b.Board.Each(ctx, day, func(what string, pid, score int64) error {
		if err := yield(what, pid, score); err != nil {
			return err
		}
		return yield(what, pid, score)
	})
}

func TestAScoreThatComesTwiceIsNoDifference(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: 5})
	s.rebuild(s.today)
	v := leaderboard.NewVerifier(s.db, twice{s.board}, s.clock.now, discard())
	if report := verify(s, v, s.today); len(report.Differences) > 0 {
		t.Errorf("%+v", report)
	}
}

func TestVerifyReportsItsProgress(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	views := map[int64]int64{}
	for pid := range int64(2500) {
		views[pid+1] = 1
	}
	s.count(0, views)
	s.rebuild(s.today)
	var read []int64
	if _, err := s.verifier.Verify(s.Context(), []clock.Day{s.today}, func(n int64) { read = append(read, n) }); err != nil {
		t.Fatal(err)
	}
	// 2,500 products in the database, and as many scores of each kind on the board.
	if !slices.Equal(read, []int64{1000, 2000, 2500, 2500, 2500, 2500, 2500}) {
		t.Errorf("progress %v", read)
	}
}
