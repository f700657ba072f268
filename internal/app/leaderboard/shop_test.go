package leaderboard_test

import (
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

var weights = ranking.DefaultWeights()

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newIDs() id.Source { return id.NewSource(time.Now, rand.Reader) }

// hand is a clock whose hands are moved by the test.
type hand struct {
	mu   sync.Mutex
	time time.Time
}

func (h *hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *hand) set(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = t
}

// noonToday is far from midnight.
func noonToday() *hand { return &hand{time: clock.DayOf(time.Now()).Start().Add(12 * time.Hour)} }

// shop is a database and a board with everything that this room does to them.
type shop struct {
	*testing.T
	clock *hand
	today clock.Day
	db    *tallytest.DB
	board redistest.Board

	reader   *leaderboard.Reader
	builder  *leaderboard.Builder
	verifier *leaderboard.Verifier
	keeper   *leaderboard.Reconciler
}

func open(t *testing.T, clk *hand, board redistest.Board) *shop {
	t.Helper()
	s := &shop{T: t, clock: clk, today: clock.DayOf(clk.now()), db: new(tallytest.DB), board: board}
	s.reader = leaderboard.NewReader(s.db, board, weights, clk.now, discard())
	s.builder = leaderboard.NewBuilder(s.db, board, weights, clk.now, newIDs()().String(), discard())
	s.verifier = leaderboard.NewVerifier(s.db, board, weights, clk.now, discard())
	s.keeper = s.another(weights)
	return s
}

func embedded(t *testing.T) *shop {
	t.Helper()
	clk := noonToday()
	return open(t, clk, redistest.Embedded(t, clk.now))
}

// another returns a keeper as another instance has it.
func (s *shop) another(w ranking.Weights) *leaderboard.Reconciler {
	builder := leaderboard.NewBuilder(s.db, s.board, w, s.clock.now, newIDs()().String(), discard())
	return leaderboard.NewReconciler(s.db, s.board, builder, s.clock.now, discard())
}

// count adds views of products, named by how many days ago.
func (s *shop) count(daysAgo int, views map[int64]int64) {
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

// show writes a score to the board, whatever the database says.
func (s *shop) show(day clock.Day, pid, own, live, version int64) {
	s.Helper()
	err := s.board.Set(s.Context(), day, []ranking.Score{{ProductID: pid, Own: own, Live: live, Version: version}})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shop) rebuild(days ...clock.Day) {
	s.Helper()
	if err := s.builder.Rebuild(s.Context(), days, nil); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) look(k *leaderboard.Reconciler) {
	s.Helper()
	if err := k.Reconcile(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) read(day clock.Day, number, size int64) leaderboard.Page {
	s.Helper()
	p, err := s.reader.Read(s.Context(), day, number, size)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *shop) live(day clock.Day) map[int64]int64 {
	s.Helper()
	_, live, err := s.board.Dump(s.Context(), day)
	if err != nil {
		s.Fatal(err)
	}
	return live
}
