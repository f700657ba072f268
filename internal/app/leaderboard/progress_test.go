package leaderboard_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

// A build may take any time, as long as something is written each minute.
func TestARebuildOfAnySizeFinishes(t *testing.T) {
	t.Parallel()
	for name, ago := range map[string]int{"opened today": 0, "counted a week ago": 7} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			views := map[int64]int64{}
			for i := range int64(3000) {
				views[i+1] = i + 1
			}
			s.count(ago, views)
			builder := s.builderOn(harmedBoard{s.board, func(clock.Day) { s.board.Server.FastForward(45 * time.Second) }})
			r := leaderboard.NewReconciler(s.db, s.board, builder, s.clock.now, discard())
			s.reconcile(r)
			s.demandRebuilt(r, 8)
			s.reconcile(r)
			s.demandRebuilt(r, 8)
		})
	}
}

// unsteady is a board on which builds of some days fail.
type unsteady struct {
	leaderboard.WritableBoard
	began []clock.Day
	fail  func(day clock.Day) error
}

func (b *unsteady) Begin(ctx context.Context, day clock.Day, builder string, generation int64) (string, error) {
	b.began = append(b.began, day)
	return b.WritableBoard.Begin(ctx, day, builder, generation)
}

func (b *unsteady) Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error {
	if err := b.fail(day); err != nil {
		return err
	}
	return b.WritableBoard.Fill(ctx, day, token, scores)
}

func TestTodayIsBuiltFirstAndFinishedDaysAreKept(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	down := errors.New("down")
	board := &unsteady{WritableBoard: s.board, fail: func(day clock.Day) error {
		if day == s.today.Add(-2) {
			return down
		}
		return nil
	}}
	s.clock.set(s.today.Add(1).Start().Add(-time.Minute)) // the eve: the next day has a board, too
	r := leaderboard.NewReconciler(s.db, s.board, s.builderOn(board), s.clock.now, discard())
	if err := r.Reconcile(t.Context()); !errors.Is(err, down) {
		t.Fatal(err)
	}
	if want := []clock.Day{s.today, s.today.Add(1), s.today.Add(-1), s.today.Add(-2)}; !slices.Equal(board.began, want) {
		t.Errorf("began %v, want %v", board.began, want)
	}
	s.demandRebuilt(r, 3)
	board.fail, board.began = func(clock.Day) error { return nil }, nil
	s.reconcile(r)
	if len(board.began) != 6 || board.began[0] != s.today.Add(-2) {
		t.Errorf("made again: %v", board.began)
	}
	s.demandRebuilt(r, 9)
}

// A build that Redis has given up is a failure, which is counted. Nobody else builds the day.
func TestABuildThatExpiredIsAFailure(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	builder := s.builderOn(harmedBoard{s.board, func(clock.Day) { s.board.Server.FastForward(2 * time.Minute) }})
	err := builder.Rebuild(t.Context(), []clock.Day{s.today}, nil)
	if !errors.Is(err, ranking.ErrBuildLost) || errors.Is(err, ranking.ErrSuperseded) {
		t.Errorf("the error is %v", err)
	}
}

// failingBoard is a board whose builds end in an error.
type failingBoard struct {
	leaderboard.WritableBoard
	err error
}

func (failingBoard) Incomplete(_ context.Context, _ string, stamps map[clock.Day]string) (map[clock.Day]string, error) {
	reasons := map[clock.Day]string{}
	for day := range stamps {
		reasons[day] = "it was lost"
	}
	return reasons, nil
}

func (failingBoard) Begin(context.Context, clock.Day, string, int64) (string, error) {
	return "token", nil
}

func (b failingBoard) Fill(context.Context, clock.Day, string, []ranking.Score) error { return b.err }

// Another builder that begins the same day is no failure. A build that has expired is one,
// also in the metrics.
func TestABuildThatExpiredIsCountedAsAFailureAndASupersededOneIsNot(t *testing.T) {
	t.Parallel()
	for end, want := range map[error]int64{ranking.ErrBuildLost: 4, ranking.ErrSuperseded: 0} {
		synctest.Test(t, func(t *testing.T) {
			db, board := new(tallytest.DB), failingBoard{err: end}
			r := leaderboard.NewReconciler(db, board, leaderboard.NewBuilder(db, board, time.Now, "me", discard()), time.Now, discard())
			ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
			defer cancel()
			if err := r.Run(ctx); err != nil {
				t.Error(err)
			}
			if _, failures := r.Rebuilt(); failures != want {
				t.Errorf("%v: %d failures, want %d", end, failures, want)
			}
		})
	}
}
