package rankings_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Every brand, on every day, and in weeks and months: each is another ranking. However many
// ask, one is computed at a time, for a quarter of the time. Nobody waits for long, and who
// was once served is served again.
func TestManyDifferentRankingsAreComputedWithinOneBudget(t *testing.T) {
	t.Parallel()
	lost(t, 0, func(s *env) {
		var running, most, spent atomic.Int64
		s.db.folding = func() {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(50 * time.Millisecond)
			spent.Add(int64(50 * time.Millisecond))
			running.Add(-1)
		}
		for ago := range 400 {
			s.publish(s.daily(ago+1).Period, time.Now(), 1, 11, 2, 12, 3, 13, 21, 22, 31, 41, 51, 61, 71, 81)
		}
		const lasts = 2 * time.Minute
		var served, refused atomic.Int64
		var readers sync.WaitGroup
		for range 50 {
			readers.Go(func() {
				known := map[rankings.Query]time.Time{}
				for began := time.Now(); time.Since(began) < lasts; time.Sleep(rand.N(200 * time.Millisecond)) {
					q := s.daily(rand.IntN(20) * rand.IntN(20))
					q.BrandID = rand.Int64N(10)
					asked := time.Now()
					_, err := s.reader.Read(s.Context(), q)
					switch {
					case err == nil:
						served.Add(1)
						known[q] = time.Now()
					case !errors.Is(err, rankings.ErrBusy):
						s.Errorf("%+v: %v", q, err)
					case time.Since(known[q]) < 5*time.Minute:
						s.Errorf("%+v was served %v ago, and now: %v", q, time.Since(known[q]), err)
					default:
						refused.Add(1)
					}
					if waited := time.Since(asked); waited > 3*time.Second {
						s.Errorf("waited for %v: %v", waited, err)
					}
				}
			})
		}
		readers.Wait()
		if part := float64(spent.Load()) / float64(lasts); most.Load() != 1 || part > 0.26 || part < 0.15 {
			s.Errorf("%d at once, in %.2f of the time", most.Load(), part)
		}
		if served.Load() < refused.Load()/5 || refused.Load() == 0 {
			s.Errorf("%d served, %d refused", served.Load(), refused.Load())
		}
	})
}

// Readers who wait hold requests of the API: there are few.
func TestFewReadersWaitForARanking(t *testing.T) {
	t.Parallel()
	lost(t, time.Second, func(s *env) {
		var at atomic.Int64
		var readers sync.WaitGroup
		for range 10 * rankings.MaxWaiting {
			readers.Go(func() {
				asked := time.Now()
				if _, err := s.reader.Read(s.Context(), s.daily(0)); err != nil {
					at.Add(1)
					if !errors.Is(err, rankings.ErrBusy) || time.Since(asked) > 0 {
						s.Errorf("%v after %v", err, time.Since(asked))
					}
				}
			})
		}
		readers.Wait()
		if refused := at.Load(); refused != 9*rankings.MaxWaiting {
			s.Errorf("%d are refused", refused)
		}
	})
}

// An answer without movements is better than none.
func TestMovementsAreLeftOutWhileTheyCannotBeComputed(t *testing.T) {
	t.Parallel()
	lost(t, 0, func(s *env) {
		s.publish(s.daily(9).Period, time.Now(), 1, 2)
		s.publish(s.daily(10).Period, time.Now(), 2, 1)
		q := s.daily(9)
		q.BrandID = 1
		s.read(q)
		s.db.folding = func() { time.Sleep(10 * time.Second) }
		time.Sleep(time.Minute)
		if _, err := s.reader.Read(s.Context(), s.daily(0)); !errors.Is(err, rankings.ErrBusy) { // takes the turn
			s.Errorf("%v", err)
		}
		p := s.read(q)
		if len(p.Items) != 2 {
			s.Errorf("%+v", p)
		}
	})
}

// slowBoard says how many transactions are open when it is asked.
type slowBoard struct {
	rankings.Board
	db   *database
	open atomic.Int64

	asked atomic.Int64
}

func (b *slowBoard) LiveScores(ctx context.Context, day clock.Day, ids []int64) (map[int64]int64, bool, error) {
	b.open.Add(b.db.open.Load())
	b.asked.Add(1)
	return b.Board.LiveScores(ctx, day, ids)
}

func TestNoConnectionIsHeldWhileRedisIsAsked(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	board := &slowBoard{Board: s.board, db: s.db}
	s.reader = newReader(s.db, board, s.clock.now)
	s.count(0, map[int64]int64{1: 1, 2: 5})
	s.rebuild(s.today)
	q := s.daily(0)
	q.BrandID = 1
	s.demand(q, rankings.FromBoard, 2, 1)
	if n := board.open.Load(); n != 0 {
		t.Errorf("%d transactions", n)
	}
}

// Each brand and day would cost something to find out that there is no board.
func TestABoardThatIsNotThereIsNotAskedForEachBrand(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	board := &slowBoard{Board: s.board, db: s.db}
	s.reader = newReader(s.db, board, s.clock.now)
	s.count(1, map[int64]int64{1: 1, 2: 5})
	for brand := range int64(9) {
		q := s.daily(1)
		q.BrandID = brand + 1
		s.refuses(q, ranking.ErrNotPublished)
	}
	if n := board.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// hungDatabase answers nothing.
type hungDatabase struct{ store.DB }

func (hungDatabase) View(ctx context.Context, _ func(store.Tx) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADatabaseThatDoesNotAnswerHoldsNoReaderForLong(t *testing.T) {
	t.Parallel()
	lost(t, 0, func(s *env) {
		s.reader = newReader(hungDatabase{s.db}, lostBoard{}, time.Now)
		brand, week := s.daily(0), s.daily(0)
		brand.BrandID, week.Period = 1, ranking.PeriodOf(ranking.Weekly, s.today)
		for _, q := range []rankings.Query{s.daily(0), s.daily(1), s.daily(30), brand, week} {
			asked := time.Now()
			s.refuses(q, rankings.ErrBusy)
			if waited := time.Since(asked); waited > 3*time.Second {
				s.Errorf("%+v: waited for %v", q, waited)
			}
		}
	})
}
