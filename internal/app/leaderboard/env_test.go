package leaderboard_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newIDs() id.Source { return id.NewSource(time.Now, rand.Reader) }

// fixedClock is a clock that the test sets.
type fixedClock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *fixedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *fixedClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = t
}

// noonToday is far from midnight.
func noonToday() *fixedClock {
	return &fixedClock{time: clock.DayOf(time.Now()).Start().Add(12 * time.Hour)}
}

// env is a database and a board, with everything that this package does to them.
type env struct {
	*testing.T
	clock *fixedClock
	today clock.Day
	db    *tallytest.DB
	board redistest.Board

	builder    *leaderboard.Builder
	verifier   *leaderboard.Verifier
	reconciler *leaderboard.Reconciler
}

func open(t *testing.T, clk *fixedClock, board redistest.Board) *env {
	t.Helper()
	s := &env{T: t, clock: clk, today: clock.DayOf(clk.now()), db: &tallytest.DB{Clock: clk.now}, board: board}
	s.builder = leaderboard.NewBuilder(s.db, board, clk.now, newIDs()().String(), discard())
	s.verifier = leaderboard.NewVerifier(s.db, board, clk.now, discard())
	s.reconciler = s.another()
	return s
}

func embedded(t *testing.T) *env {
	t.Helper()
	clk := noonToday()
	return open(t, clk, redistest.Embedded(t, clk.now))
}

// another returns the reconciler of another process.
func (s *env) another() *leaderboard.Reconciler {
	builder := leaderboard.NewBuilder(s.db, s.board, s.clock.now, newIDs()().String(), discard())
	return leaderboard.NewReconciler(s.db, s.board, builder, s.clock.now, discard())
}

// count adds views of products, named by how many days ago.
func (s *env) count(daysAgo int, views map[int64]int64) {
	s.Helper()
	err := s.db.Update(s.Context(), func(tx store.Tx) error {
		for pid, n := range views {
			c := metric.Counters{ProductID: pid, Day: s.today.Add(-daysAgo), Views: n}
			tx.Metrics.Add([]metric.Counters{c})
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// setScore writes a score to the board, whatever the database says.
func (s *env) setScore(day clock.Day, pid, own, live, version int64) {
	s.Helper()
	err := s.board.Set(s.Context(), day, 0, []ranking.Score{{ProductID: pid, Own: own, Live: live, Version: version}})
	if err != nil {
		s.Fatal(err)
	}
}

// change changes the weights.
func (s *env) change(at time.Time, w ranking.Weights) {
	s.Helper()
	err := s.db.Update(s.Context(), func(tx store.Tx) error {
		_, err := tx.Weights.Add(s.Context(), ranking.WeightsChange{Weights: w, At: at, Actor: "mina", Reason: "why not"})
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *env) rebuild(days ...clock.Day) {
	s.Helper()
	if err := s.builder.Rebuild(s.Context(), days, nil); err != nil {
		s.Fatal(err)
	}
}

func (s *env) reconcile(k *leaderboard.Reconciler) {
	s.Helper()
	if err := k.Reconcile(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// top returns the first ranks of a day. The board must be complete.
func (s *env) top(day clock.Day) []ranking.Entry {
	s.Helper()
	top, complete, err := s.board.Top(s.Context(), day, 0, 10)
	if err != nil || !complete {
		s.Fatalf("the board of %s: complete %t, %v", day, complete, err)
	}
	return top
}

// counted returns the first rank of a day by the database.
func (s *env) counted(day clock.Day) (top []ranking.Entry) {
	s.Helper()
	err := s.db.View(s.Context(), func(tx store.Tx) error {
		schedule, err := ranking.ReadSchedule(s.Context(), tx.Weights)
		if err != nil {
			return err
		}
		top, err = tx.Ranking.Top(s.Context(), schedule, day, 0, 1)
		return err
	})
	if err != nil || len(top) != 1 {
		s.Fatalf("the database says %v, %v", top, err)
	}
	return top
}

func (s *env) live(day clock.Day) map[int64]int64 {
	s.Helper()
	_, live, err := s.board.Dump(s.Context(), day)
	if err != nil {
		s.Fatal(err)
	}
	return live
}

// builderOn returns a builder on another board.
func (s *env) builderOn(board leaderboard.WritableBoard) *leaderboard.Builder {
	return leaderboard.NewBuilder(s.db, board, s.clock.now, newIDs()().String(), discard())
}

// harmedBoard is a board to which something happens after each portion of scores.
type harmedBoard struct {
	redistest.Board
	harm func(day clock.Day)
}

func (b harmedBoard) Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error {
	err := b.Board.Fill(ctx, day, token, scores)
	b.harm(day)
	return err
}
