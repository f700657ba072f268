package leaderboard_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

// slowBoard is a board that today's board is missing from. Each of its steps
// takes a while, or hangs until it is released.
type slowBoard struct {
	takes   time.Duration
	release chan struct{} // nil if the steps do not hang

	mu     sync.Mutex
	checks map[string]int // by builder
}

func (b *slowBoard) Incomplete(_ context.Context, builder string, stamps map[clock.Day]string) (map[clock.Day]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.checks[builder]++
	return map[clock.Day]string{slices.Min(slices.Collect(maps.Keys(stamps))): "missing"}, nil
}

func (b *slowBoard) checked(builder string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.checks[builder]
}

func (b *slowBoard) step(builder string) {
	if b.release != nil && builder == "one" {
		<-b.release
	}
	time.Sleep(b.takes)
}

func (b *slowBoard) Begin(_ context.Context, _ clock.Day, builder string, _ int64) (string, error) {
	b.step(builder)
	return builder, nil
}

func (b *slowBoard) Fill(_ context.Context, _ clock.Day, token string, _ []ranking.Score) error {
	b.step(token)
	return nil
}

// Finish looks at all products, as many as are filled.
func (b *slowBoard) Finish(_ context.Context, _ clock.Day, token, _ string, step func() error) error {
	for range 20 {
		b.step(token)
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fill counts a view of each of n products, enough of them for several fills.
func fill(t *testing.T, db store.DB, n int64) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		var all []metric.Counters
		for pid := range n {
			all = append(all, metric.Counters{ProductID: pid + 1, Day: ranking.OnBoard(time.Now())[0], Views: 1})
		}
		tx.Metrics.Add(all)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// two runs a reconciler of each of two processes; "one" has the lease first.
func two(t *testing.T, board *slowBoard) {
	t.Helper()
	db := new(tallytest.DB)
	fill(t, db, 20_000)
	board.checks = map[string]int{}
	for _, name := range []string{"one", "two"} {
		builder := leaderboard.NewBuilder(db, board, time.Now, name, discard())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- leaderboard.NewReconciler(db, board, builder, time.Now, discard()).Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
	}
}

func TestALongRebuildKeepsTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		board := &slowBoard{takes: 2 * time.Second}
		two(t, board)
		time.Sleep(80 * time.Second) // less than 42 steps take
		synctest.Wait()
		if one, other := board.checked("one"), board.checked("two"); one != 1 || other != 0 {
			t.Errorf("%d checks by the holder, %d by the other process", one, other)
		}
	})
}

func TestARebuildThatHangsLosesTheLeaseWithinSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		board := &slowBoard{release: make(chan struct{})}
		two(t, board)
		defer close(board.release)
		time.Sleep(store.LeaseTTL + 2*time.Second)
		synctest.Wait()
		if board.checked("two") == 0 {
			t.Error("no other process has taken over")
		}
	})
}

func TestALongOutageOfTheBoardIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		db, board := new(tallytest.DB), new(memoryBoard)
		board.away.Store(true)
		builder := leaderboard.NewBuilder(db, board, time.Now, "one", logger)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := leaderboard.NewReconciler(db, board, builder, time.Now, logger).Run(ctx); err != nil {
			t.Error(err)
		}
		for line, want := range map[string]int{"operation recovered": 0, "operation failed": 1, "leases gained": 1, "leases lost": 0} {
			if n := strings.Count(log.String(), line); n != want {
				t.Errorf("%q was logged %d times:\n%s", line, n, &log)
			}
		}
	})
}
