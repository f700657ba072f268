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

func (s *shop) rebuilt(k *leaderboard.Reconciler, want int64) {
	s.Helper()
	if boards, _ := k.Rebuilt(); boards != want {
		s.Errorf("%d boards were made, want %d", boards, want)
	}
}

func TestAnEmptyBoardIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(7, map[int64]int64{1: 3})
	s.count(0, map[int64]int64{2: 5})
	s.look(s.keeper)
	s.rebuilt(s.keeper, 8)
	if live := s.live(s.today); !maps.Equal(live, map[int64]int64{2: 500_000}) {
		s.Errorf("live %v", live)
	}
	if live := s.live(s.today.Add(-6)); !maps.Equal(live, map[int64]int64{1: 30_000}) {
		s.Errorf("live six days ago %v", live)
	}
	s.look(s.keeper)
	s.rebuilt(s.keeper, 8)
}

func TestABoardThatRedisLostIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{2: 5})
	s.look(s.keeper)
	s.board.Server.FlushAll()
	s.look(s.keeper)
	s.rebuilt(s.keeper, 16)
	if live := s.live(s.today); live[2] != 500_000 {
		t.Errorf("live %v", live)
	}
}

func TestOtherWeightsMakeOtherBoards(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{2: 5})
	s.look(s.keeper)
	heavier := weights
	heavier.View = 1000
	s.clock.set(s.clock.now().Add(time.Minute)) // the first keeper's lease is over
	s.look(s.another(heavier))
	if live := s.live(s.today); live[2] != 5_000_000 {
		t.Errorf("live %v", live)
	}
}

func TestANewDayCarriesOverWhatNobodyTouches(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{2: 5})
	s.look(s.keeper)
	tomorrow := s.today.Add(1)
	s.clock.set(tomorrow.Start().Add(-ranking.Eve - time.Second))
	s.look(s.keeper)
	s.rebuilt(s.keeper, 8)
	s.clock.set(tomorrow.Start().Add(-ranking.Eve))
	s.look(s.keeper)
	s.rebuilt(s.keeper, 9)
	s.clock.set(tomorrow.Start())
	s.look(s.keeper)
	s.rebuilt(s.keeper, 9)
	if p := s.read(tomorrow, 1, 10); len(p.Entries) != 1 || p.Entries[0].Score != 50_000 {
		t.Errorf("read %v", p)
	}
	if board, _ := s.reader.Reads(); board != 1 {
		t.Error("the new day is not whole when it begins")
	}
}

func TestOneKeeperWorks(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	other := s.another(weights)
	s.look(s.keeper)
	s.board.Server.FlushAll()
	s.look(other)
	s.rebuilt(other, 0)
	s.clock.set(s.clock.now().Add(5 * time.Second))
	s.look(other)
	s.rebuilt(other, 8)
}

func TestAKeeperThatStopsGivesItsLeaseBack(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.look(s.keeper)
	if err := s.keeper.Run(ctx); err != nil {
		t.Errorf("to be stopped is no error: %v", err)
	}
	s.board.Server.FlushAll()
	other := s.another(weights)
	s.look(other)
	s.rebuilt(other, 8)
}

func TestAKeeperWhoseBuildFailedBeginsAgain(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	down := errors.New("down")
	s.db.Fail = func(step string) error {
		if step == "read" {
			return down
		}
		return nil
	}
	if err := s.keeper.Reconcile(t.Context()); !errors.Is(err, down) {
		t.Fatalf("the error is %v", err)
	}
	s.db.Fail = nil
	s.look(s.keeper)
	s.rebuilt(s.keeper, 8)
}

// wall is a board in memory: it says what it is told to say.
type wall struct {
	leaderboard.WritableBoard
	looks atomic.Int64
	away  atomic.Bool
}

var errAway = errors.New("redis is away")

func (w *wall) Incomplete(context.Context, string, string, []clock.Day) (map[clock.Day]string, error) {
	w.looks.Add(1)
	if w.away.Load() {
		return nil, errAway
	}
	return nil, nil
}

func TestAKeeperLooksEverySecondAndLogsTroubleOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		db, board := new(tallytest.DB), new(wall)
		board.away.Store(true)
		builder := leaderboard.NewBuilder(db, board, weights, time.Now, newIDs()().String(), logger)
		k := leaderboard.NewReconciler(db, board, builder, time.Now, logger)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()

		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if looks := board.looks.Load(); looks != 4 {
			t.Errorf("%d looks in 3.5 seconds", looks)
		}
		board.away.Store(false)
		time.Sleep(3 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, line := range []string{"cannot be looked after", "looked after again"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("%q was logged %d times", line, n)
			}
		}
		if _, failures := k.Rebuilt(); failures != 4 {
			t.Errorf("%d failures", failures)
		}
	})
}
