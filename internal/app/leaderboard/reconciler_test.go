package leaderboard_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

func (s *env) demandRebuilt(k *leaderboard.Reconciler, want int64) {
	s.Helper()
	if boards, _ := k.Rebuilt(); boards != want {
		s.Errorf("%d boards were rebuilt, want %d", boards, want)
	}
}

func TestAnEmptyBoardIsBuiltOnce(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(7, map[int64]int64{1: 3})
	s.count(0, map[int64]int64{2: 5})
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 8)
	if live := s.live(s.today); !maps.Equal(live, map[int64]int64{2: 500_000}) {
		s.Errorf("live %v", live)
	}
	if live := s.live(s.today.Add(-6)); !maps.Equal(live, map[int64]int64{1: 30_000}) {
		s.Errorf("live six days ago %v", live)
	}
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 8)
}

func TestABoardThatRedisLostIsRebuilt(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{2: 5})
	s.reconcile(s.reconciler)
	s.board.Server.FlushAll()
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 16)
	if live := s.live(s.today); live[2] != 500_000 {
		t.Errorf("live %v", live)
	}
}

func TestBoardsAreRebuiltWhenTheWeightsChange(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{2: 5})
	s.reconcile(s.reconciler)
	heavier := ranking.DefaultWeights()
	heavier.View = 1000
	s.change(s.clock.now(), heavier)
	s.reconcile(s.reconciler)
	if live := s.live(s.today); live[2] != 5_000_000 {
		t.Errorf("live %v", live)
	}
	s.demandRebuilt(s.reconciler, 8+1)
}

// Somebody may have written scores by the weights in between.
func TestABoardIsRebuiltAfterWeightsWereChangedAndChangedBack(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{2: 5})
	s.reconcile(s.reconciler)
	s.change(s.clock.now(), ranking.Weights{View: 1000})
	s.change(s.clock.now(), ranking.DefaultWeights())
	s.setScore(s.today, 2, 5_000_000, 5_000_000, 99)
	s.reconcile(s.reconciler)
	if live := s.live(s.today); live[2] != 500_000 {
		t.Errorf("live %v", live)
	}
}

// A change at 23:59:59 scores the day that it is made in, one at 00:00:00 does not.
func TestADayThatIsClosedKeepsItsScoresAfterAChange(t *testing.T) {
	t.Parallel()
	midnight := noonToday().now().Add(-12 * time.Hour)
	for name, c := range map[string]struct {
		at                           time.Time
		yesterday, today, twoDaysAgo int64
		rebuilt                      int64
	}{
		"at 23:59:59": {midnight.Add(-time.Second), 3_000_000 + 20_000, 1_000_000 + 302_000, 200_000, 2},
		"at 00:00:00": {midnight, 300_000 + 20_000, 1_000_000 + 32_000, 200_000, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			s.count(0, map[int64]int64{1: 1})
			s.count(1, map[int64]int64{1: 3})
			s.count(2, map[int64]int64{1: 2})
			s.reconcile(s.reconciler)
			s.change(c.at, ranking.Weights{View: 1000, Carry: 100})
			s.reconcile(s.reconciler)
			s.demandRebuilt(s.reconciler, 8+c.rebuilt)
			got := []int64{s.live(s.today)[1], s.live(s.today.Add(-1))[1], s.live(s.today.Add(-2))[1]}
			if want := []int64{c.today, c.yesterday, c.twoDaysAgo}; !slices.Equal(got, want) {
				t.Errorf("live today, yesterday and two days ago is %v, want %v", got, want)
			}
			for _, back := range []int{0, 1, 2} {
				if report := verify(s, s.verifier, s.today.Add(-back)); len(report.Differences) > 0 {
					t.Errorf("%+v", report)
				}
				if top := s.counted(s.today.Add(-back)); int64(top[0].Score) != got[back] {
					t.Errorf("%d days ago the database says %v, the board %d", back, top[0].Score, got[back])
				}
			}
		})
	}
}

func TestANewDayCarriesOverScoresThatNobodyTouches(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{2: 5})
	s.reconcile(s.reconciler)
	tomorrow := s.today.Add(1)
	s.clock.set(tomorrow.Start().Add(-ranking.Eve - time.Second))
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 8)
	s.clock.set(tomorrow.Start().Add(-ranking.Eve))
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 9)
	s.clock.set(tomorrow.Start())
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 9)
	if top := s.top(tomorrow); len(top) != 1 || top[0].Score != 50_000 {
		t.Errorf("read %v", top)
	}
}

func TestOneReconcilerWorksAtATime(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	other := s.another()
	s.reconcile(s.reconciler)
	s.board.Server.FlushAll()
	s.reconcile(other)
	s.demandRebuilt(other, 0)
	s.clock.set(s.clock.now().Add(5 * time.Second))
	s.reconcile(other)
	s.demandRebuilt(other, 8)
}

func TestAReconcilerThatStopsReleasesItsLease(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.reconcile(s.reconciler)
	if err := s.reconciler.Run(ctx); err != nil {
		t.Errorf("Run = %v", err)
	}
	s.board.Server.FlushAll()
	other := s.another()
	s.reconcile(other)
	s.demandRebuilt(other, 8)
}

func TestARebuildThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	down := errors.New("down")
	s.db.Fail = func(step string) error {
		if step == "read" {
			return down
		}
		return nil
	}
	if err := s.reconciler.Reconcile(t.Context()); !errors.Is(err, down) {
		t.Fatalf("the error is %v", err)
	}
	s.db.Fail = nil
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 8)
}

// memoryBoard is a complete board, or one that is away.
type memoryBoard struct {
	leaderboard.WritableBoard
	checks atomic.Int64
	away   atomic.Bool
}

var errAway = errors.New("redis is away")

func (b *memoryBoard) Incomplete(context.Context, string, map[clock.Day]string) (map[clock.Day]string, error) {
	b.checks.Add(1)
	if b.away.Load() {
		return nil, errAway
	}
	return nil, nil
}

func TestTheBoardsAreCheckedEverySecondAndAnOutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		db, board := new(tallytest.DB), new(memoryBoard)
		board.away.Store(true)
		builder := leaderboard.NewBuilder(db, board, time.Now, newIDs()().String(), logger)
		k := leaderboard.NewReconciler(db, board, builder, time.Now, logger)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()

		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if checks := board.checks.Load(); checks != 4 {
			t.Errorf("%d checks in 3.5 seconds", checks)
		}
		board.away.Store(false)
		time.Sleep(3 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, line := range []string{"operation failed, retrying", "operation recovered"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("%q was logged %d times", line, n)
			}
		}
		if _, failures := k.Rebuilt(); failures != 4 {
			t.Errorf("%d failures", failures)
		}
	})
}
