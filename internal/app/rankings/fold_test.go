package rankings_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// lostBoard is a board in a Redis that has lost everything.
type lostBoard struct{ rankings.Board }

func (lostBoard) Top(context.Context, clock.Day, int64, int64) ([]ranking.Entry, bool, error) {
	return nil, false, nil
}

func (lostBoard) Ranks(context.Context, clock.Day, []int64) (map[int64]int64, bool, error) {
	return nil, false, nil
}

func (lostBoard) LiveScores(context.Context, clock.Day, []int64) (map[int64]int64, bool, error) {
	return nil, false, nil
}

// lost runs a test with a lost board and virtual time. A fold takes some time.
func lost(t *testing.T, takes time.Duration, test func(s *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12 * time.Hour) // noon: far from midnight
		s := &env{T: t, today: clock.DayOf(time.Now()), db: new(database)}
		s.reader = newReader(s.db, lostBoard{}, time.Now)
		s.db.folding = func() { time.Sleep(takes) }
		err := s.db.Update(t.Context(), func(tx store.Tx) error {
			for pid := int64(1); pid <= 30; pid++ {
				for _, day := range s.today.Add(-8).Until(s.today) {
					tx.Metrics.Add([]metric.Counters{{ProductID: pid, Day: day, Views: pid}})
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		test(s)
		time.Sleep(time.Hour) // all folds have ended
	})
}

func TestAHundredReadersOfALostBoardCauseOneFold(t *testing.T) {
	t.Parallel()
	lost(t, 50*time.Millisecond, func(s *env) {
		var readers sync.WaitGroup
		for n := range int64(100) {
			readers.Go(func() {
				q := s.daily(0)
				q.Number, q.Size = 1+n%3, 10
				if p := s.insist(q); len(p.Items) != 10 || p.HasMore != (q.Number < 3) || p.Source != rankings.FromDatabase {
					s.Errorf("%+v", p)
				}
			})
		}
		readers.Wait()
		if n := s.db.folds.Load(); n != 1 {
			s.Errorf("%d folds", n)
		}
	})
}

func TestALostBoardIsFoldedOnceASecondAtMost(t *testing.T) {
	t.Parallel()
	for takes, most := range map[time.Duration]int64{
		0: 60, 100 * time.Millisecond: 55, // once in 1 s and 100 ms
		time.Second: 6, // a tenth of the time
	} {
		lost(t, takes, func(s *env) {
			for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(50 * time.Millisecond) {
				s.read(s.daily(0))
			}
			if n := s.db.folds.Load(); n > most || n < most-2 {
				s.Errorf("%d folds of %v in a minute, want %d", n, takes, most)
			}
		})
	}
}

// A reader never waits for a fold while there is a result that has just expired.
func TestTheLastResultIsServedWhileANewOneIsMade(t *testing.T) {
	t.Parallel()
	lost(t, time.Second, func(s *env) {
		first := s.read(s.daily(0))
		time.Sleep(9 * time.Second)
		asked := time.Now()
		if p := s.read(s.daily(0)); !p.AsOf.Equal(first.AsOf) || time.Since(asked) > 0 {
			s.Errorf("as of %v after %v", p.AsOf, time.Since(asked))
		}
		time.Sleep(1100 * time.Millisecond)
		if p := s.read(s.daily(0)); !p.AsOf.Equal(asked) || time.Since(asked) > 1100*time.Millisecond {
			s.Errorf("as of %v", p.AsOf)
		}
		time.Sleep(time.Hour)
		asked = time.Now()
		if p := s.read(s.daily(0)); !p.AsOf.Equal(asked) {
			s.Errorf("a result of an hour ago is served: as of %v", p.AsOf)
		}
	})
}

func TestFoldsRunOneAtATimeWhateverIsAsked(t *testing.T) {
	t.Parallel()
	lost(t, 0, func(s *env) {
		var running, most atomic.Int64
		s.db.folding = func() {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(100 * time.Millisecond)
			running.Add(-1)
		}
		var readers sync.WaitGroup
		for n := range 20 {
			readers.Go(func() {
				time.Sleep(rand.N(100 * time.Millisecond))
				for brand := range int64(5) {
					q := s.daily(0)
					q.BrandID = (int64(n) + brand) % 5
					if p := s.insist(q); p.Source != rankings.FromDatabase {
						s.Errorf("from %s", p.Source)
					}
				}
			})
		}
		readers.Wait()
		if most.Load() != 1 || s.db.folds.Load() < 5 {
			s.Errorf("%d of %d folds at once", most.Load(), s.db.folds.Load())
		}
	})
}

// insist reads a page again and again while it is computed.
func (s *env) insist(q rankings.Query) (p rankings.Page) {
	for range 1000 {
		p, err := s.reader.Read(s.Context(), q)
		if err == nil {
			return p
		}
		if !errors.Is(err, rankings.ErrBusy) {
			s.Error(err)
			return p
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Errorf("%+v stays busy", q)
	return p
}

func TestAFoldHasADeadlineAndIsNotTriedAtOnceAgain(t *testing.T) {
	t.Parallel()
	lost(t, 21*time.Second, func(s *env) { // a context ends what runs; this waits for its end
		asked := time.Now()
		for time.Since(asked) < 3*time.Minute {
			began := time.Now()
			_, err := s.reader.Read(s.Context(), s.daily(0))
			if !errors.Is(err, rankings.ErrBusy) || time.Since(began) > 2*time.Second {
				s.Fatalf("%v after %v", err, time.Since(began))
			}
			if f, ok := errors.AsType[*fault.Error](err); time.Since(asked) > 21*time.Second && (!ok || f.Retry == 0) {
				s.Fatalf("%v does not say when to try again", err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.db.folds.Load(); n != 1 {
			s.Errorf("%d folds", n)
		}
	})
}

// Nobody waits long, and the work is not in vain: the next readers have its result.
func TestAFoldMayTakeLongerThanReadersWait(t *testing.T) {
	t.Parallel()
	lost(t, 10*time.Second, func(s *env) {
		asked := time.Now()
		s.refuses(s.daily(0), rankings.ErrBusy)
		if waited := time.Since(asked); waited > 2*time.Second {
			s.Errorf("waited for %v", waited)
		}
		asked = time.Now()
		s.refuses(s.daily(0), rankings.ErrBusy)
		if waited := time.Since(asked); waited > 0 {
			s.Errorf("waited for %v although it is known that the result comes late", waited)
		}
		time.Sleep(8*time.Second + time.Millisecond)
		if p := s.read(s.daily(0)); len(p.Items) != 10 {
			s.Errorf("%+v", p)
		}
		if n := s.db.folds.Load(); n != 1 {
			s.Errorf("%d folds", n)
		}
	})
}

// A shop has grown, or its database has become slow: what was computed last is better than nothing.
func TestTheLastResultIsServedWhileNoNewOneCanBeMade(t *testing.T) {
	t.Parallel()
	lost(t, time.Second, func(s *env) {
		first := s.read(s.daily(0))
		s.db.folding = func() { time.Sleep(21 * time.Second) }
		for began := time.Now(); time.Since(began) < 9*time.Minute; time.Sleep(time.Second) {
			if p := s.read(s.daily(0)); !p.AsOf.Equal(first.AsOf) {
				s.Fatalf("as of %v", p.AsOf)
			}
		}
		time.Sleep(time.Hour)
		s.refuses(s.daily(0), rankings.ErrBusy)
	})
}

func TestAReaderThatGivesUpDoesNotEndTheFoldOfTheOthers(t *testing.T) {
	t.Parallel()
	lost(t, time.Second, func(s *env) {
		ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := s.reader.Read(ctx, s.daily(0)); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("%v", err)
		}
		if p := s.read(s.daily(0)); len(p.Items) != 10 {
			s.Errorf("%+v", p)
		}
		if n := s.db.folds.Load(); n != 1 {
			s.Errorf("%d folds", n)
		}
	})
}
