package leaderboard_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func TestACompleteBoardIsRead(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: 5, 3: 5})
	s.rebuild(s.today)
	want := leaderboard.Page{HasMore: true, Entries: []ranking.Entry{
		{Rank: 1, ProductID: 3, Score: 500_000}, {Rank: 2, ProductID: 2, Score: 500_000},
	}}
	if diff := cmp.Diff(want, s.read(s.today, 1, 2)); diff != "" {
		s.Error(diff)
	}
	want = leaderboard.Page{Entries: []ranking.Entry{{Rank: 3, ProductID: 1, Score: 300_000}}}
	if diff := cmp.Diff(want, s.read(s.today, 2, 2)); diff != "" {
		s.Error(diff)
	}
	if board, database := s.reader.Reads(); board != 2 || database != 0 {
		s.Errorf("%d from the board, %d from the database", board, database)
	}
	if rank := s.reader.Rank(s.Context(), s.today, 1); rank == nil || *rank != 3 {
		s.Errorf("rank %v, want 3", rank)
	}
}

func TestABoardThatIsNotCompleteIsNotRead(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: 5})
	s.setScore(s.today, 1, 300_000, 300_000, 1)
	if p := s.read(s.today, 1, 10); len(p.Entries) != 2 || p.Entries[0].ProductID != 2 {
		s.Errorf("read %v", p)
	}
	if rank := s.reader.Rank(s.Context(), s.today, 1); rank != nil {
		s.Errorf("rank %d", *rank)
	}
}

func TestRankingsAreReadWithoutRedis(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.count(1, map[int64]int64{2: 50})
	s.rebuild(s.today)
	before := s.read(s.today, 1, 10)
	s.board.Server.Close()
	if diff := cmp.Diff(before, s.read(s.today, 1, 10)); diff != "" || len(before.Entries) != 2 {
		t.Error(diff)
	}
	if rank := s.reader.Rank(t.Context(), s.today, 1); rank != nil {
		t.Errorf("rank %d", *rank)
	}
	if board, database := s.reader.Reads(); board != 1 || database != 1 {
		t.Errorf("%d from the board, %d from the database", board, database)
	}
}

func TestDaysWithoutARankingAreEmpty(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.count(-1, map[int64]int64{1: 3}) // a clock that is ahead
	if p := s.read(s.today.Add(1), 1, 10); len(p.Entries) > 0 {
		t.Errorf("tomorrow: %v", p)
	}
	if p := s.read(s.today.Add(-1), 1, 10); len(p.Entries) > 0 {
		t.Errorf("a day on which nothing happened: %v", p)
	}
	if rank := s.reader.Rank(t.Context(), s.today.Add(1), 1); rank != nil {
		t.Errorf("rank %d tomorrow", *rank)
	}
}

func TestDaysWhoseBoardHasExpiredAreReadFromTheDatabase(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(100, map[int64]int64{1: 3})
	if p := s.read(s.today.Add(-100), 1, 10); len(p.Entries) != 1 {
		t.Errorf("a hundred days ago: %v", p)
	}
}

func TestPagesThatCannotBeAreEmpty(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	for _, p := range [][2]int64{{0, 10}, {-1, 10}, {1, 0}, {math.MaxInt64, 100}, {2, 10}} {
		if got := s.read(s.today, p[0], p[1]); len(got.Entries) > 0 || got.HasMore {
			t.Errorf("page %d of %d: %v", p[0], p[1], got)
		}
	}
}

func TestTheDatabasesFailureIsTold(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	down := errors.New("down")
	s.db.Fail = func(string) error { return down }
	if _, err := s.reader.Read(t.Context(), s.today, 1, 10); !errors.Is(err, down) {
		t.Errorf("the error is %v", err)
	}
}

// Whoever is asked, the board or the database, says the same.
func TestBoardAndDatabaseAgreeOnEveryPage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := embedded(t)
		defer s.board.Server.Close()
		for range rapid.IntRange(0, 12).Draw(r, "counts") {
			s.count(rapid.IntRange(0, 9).Draw(r, "days ago"), map[int64]int64{
				rapid.Int64Range(1, 6).Draw(r, "product"): rapid.Int64Range(-3, 30).Draw(r, "views"),
			})
		}
		day := s.today.Add(-rapid.IntRange(0, ranking.Window).Draw(r, "day"))
		size := rapid.Int64Range(1, 4).Draw(r, "size")
		var fromDatabase, fromBoard []leaderboard.Page
		for n := range int64(7) {
			fromDatabase = append(fromDatabase, s.read(day, n+1, size))
		}
		s.rebuild(day)
		for n := range int64(7) {
			fromBoard = append(fromBoard, s.read(day, n+1, size))
		}
		if diff := cmp.Diff(fromDatabase, fromBoard, cmpopts.EquateEmpty()); diff != "" {
			r.Error(diff)
		}
		if board, database := s.reader.Reads(); board != 7 || database != 7 {
			r.Errorf("%d from the board, %d from the database", board, database)
		}
	})
}

func TestAnAbsentRedisDoesNotHoldReadersUp(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.board.Server.Close()
	began := time.Now()
	for range 200 {
		s.read(s.today, 1, 10)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("200 reads took %v", took)
	}
}
