package leaderboard_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

var (
	errGone  = fault.New(fault.Unavailable, "GONE", "redis is gone")
	errCrash = errors.New("crash")
)

// weather is a board that is away at times, and a process that dies at times.
type weather struct {
	redistest.Board

	mu      sync.Mutex
	random  *rand.Rand
	away    bool
	changes int // left, of being away
	crashes int // left
}

// step returns an error at times.
func (w *weather) step() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changes > 0 && w.random.IntN(6) == 0 {
		w.away = !w.away
		w.changes--
	}
	if w.crashes > 0 && w.random.IntN(8) == 0 {
		w.crashes--
		return errCrash
	}
	if w.away {
		return errGone
	}
	return nil
}

// around calls f, unless the board is away before; it may also be away for the answer.
func (w *weather) around(f func() error) error {
	if err := w.step(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return w.step()
}

func (w *weather) Set(ctx context.Context, day clock.Day, generation int64, scores []ranking.Score) error {
	return w.around(func() error { return w.Board.Set(ctx, day, generation, scores) })
}

func (w *weather) Incomplete(ctx context.Context, builder string, stamps map[clock.Day]string) (found map[clock.Day]string, err error) {
	err = w.around(func() (err error) {
		found, err = w.Board.Incomplete(ctx, builder, stamps)
		return err
	})
	return found, err
}

func (w *weather) Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error {
	return w.around(func() error { return w.Board.Fill(ctx, day, token, scores) })
}

func (w *weather) Finish(ctx context.Context, day clock.Day, token, stamp string, step func() error) error {
	return w.around(func() error { return w.Board.Finish(ctx, day, token, stamp, step) })
}

func (w *weather) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away, w.changes, w.crashes = false, 0, 0
}

// Redis goes away and comes back, processes die between all steps, and two processes count
// and one reconciles at once. In the end each board is as the counters say.
func TestBoardsAreRightAfterAnyOutage(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			s.rebuild(ranking.OnBoard(s.clock.now())...)
			w := &weather{Board: s.board, random: rand.New(rand.NewPCG(seed, 1)), changes: 6, crashes: 4}
			keeper := leaderboard.NewReconciler(s.db, w, s.builderOn(w), s.clock.now, discard())
			var work sync.WaitGroup
			for n := range 2 {
				work.Go(func() { s.deliver(w, seed, n) })
			}
			work.Go(func() {
				for range 10 {
					_ = keeper.Reconcile(s.Context()) // it fails while the board is away
				}
			})
			work.Wait()
			w.clear()
			s.reconcile(keeper)
			s.reconcile(keeper)
			if open := s.open(); len(open) > 0 {
				t.Errorf("still noted: %v", open)
			}
			report := verify(s, leaderboard.NewVerifier(s.db, s.board, s.clock.now, discard()).CheckMarks(s.board), ranking.OnBoard(s.clock.now())...)
			if len(report.Differences) > 0 || report.Compared == 0 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// deliver handles events in batches as a consumer does: a batch that fails is handled again,
// after a crash by a new process.
func (s *env) deliver(w *weather, seed uint64, n int) {
	ids, tl := newIDs(), tally.New(s.db, w, s.clock.now, discard())
	random := rand.New(rand.NewPCG(seed, uint64(n)+10))
	for range 8 {
		var batch []event.Opened
		for range 1 + random.IntN(4) {
			e := event.Opened{Event: event.NewProductViewed(1+random.Int64N(5), nil)}
			e.ID, e.Time = ids(), s.clock.now().AddDate(0, 0, -random.IntN(3))
			batch = append(batch, e)
		}
		for err := tl.Handle(s.Context(), batch); err != nil; err = tl.Handle(s.Context(), batch) {
			if !errors.Is(err, errCrash) {
				s.Errorf("handle: %v", err)
				return
			}
			tl = tally.New(s.db, w, s.clock.now, discard())
		}
	}
}

// open returns the days that are noted.
func (s *env) open() (open map[clock.Day]int64) {
	s.Helper()
	err := s.db.View(s.Context(), func(tx store.Tx) (err error) {
		open, err = tx.Gaps.Open(s.Context())
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return open
}

// Events are counted while Redis is away, for as long as that takes, and no longer.
func TestCountingGoesOnWhileTheBoardIsAway(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 1})
	s.reconcile(s.reconciler)
	w := &weather{Board: s.board, random: rand.New(rand.NewPCG(1, 1)), away: true}
	ids, tl := newIDs(), tally.New(s.db, w, s.clock.now, discard())
	view := func(daysAgo int) {
		e := event.Opened{Event: event.NewProductViewed(2, nil)}
		e.ID, e.Time = ids(), s.clock.now().AddDate(0, 0, -daysAgo)
		if err := tl.Handle(t.Context(), []event.Opened{e}); err != nil {
			t.Fatal(err)
		}
	}
	view(0)
	if open := s.open(); len(open) != 1 || open[s.today] == 0 {
		t.Errorf("noted %v, want today", open)
	}
	view(2)
	if open := s.open(); len(open) != 3 || tl.Noted() != 2 {
		t.Errorf("noted %v, %d times; want three days, twice", open, tl.Noted())
	}
	report := verify(s, s.verifier.CheckMarks(s.board), s.today.Add(-2))
	if len(report.Differences) == 0 || report.Differences[0].ProductID != 0 {
		t.Errorf("verify says %+v: not that the board is not used", report)
	}
	w.clear()
	s.reconcile(s.reconciler)
	s.demandRebuilt(s.reconciler, 8+3)
	if open := s.open(); len(open) > 0 {
		t.Errorf("still noted: %v", open)
	}
	if live := s.live(s.today); live[2] != 101_000 {
		t.Errorf("live %v", live)
	}
}

// A note that is made while the board is built is of scores that the build may not have read.
func TestANoteMadeDuringABuildOutlivesIt(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 1})
	note := func() {
		if err := s.db.Update(t.Context(), func(tx store.Tx) error { tx.Gaps.Note([]clock.Day{s.today}); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	note()
	builder := s.builderOn(harmedBoard{s.board, func(clock.Day) {
		s.count(0, map[int64]int64{2: 1}) // after the counters were read
		note()
	}})
	if err := builder.Rebuild(t.Context(), []clock.Day{s.today}, nil); err != nil {
		t.Fatal(err)
	}
	if open := s.open(); open[s.today] == 0 {
		t.Error("the note is lost")
	}
	s.reconcile(s.reconciler)
	if live := s.live(s.today); live[2] == 0 || len(s.open()) > 0 {
		t.Errorf("live %v, noted %v", live, s.open())
	}
}
