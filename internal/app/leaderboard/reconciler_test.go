package leaderboard_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
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
	heavier := weights
	heavier.View = 1000
	s.clock.set(s.clock.now().Add(time.Minute)) // the lease of the first reconciler has run out
	s.reconcile(s.another(heavier))
	if live := s.live(s.today); live[2] != 5_000_000 {
		t.Errorf("live %v", live)
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
	other := s.another(weights)
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
	other := s.another(weights)
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

func (b *memoryBoard) Incomplete(context.Context, string, string, []clock.Day) (map[clock.Day]string, error) {
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
		builder := leaderboard.NewBuilder(db, board, weights, time.Now, newIDs()().String(), logger)
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
