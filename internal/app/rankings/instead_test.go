package rankings_test

import (
	"context"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func ids(first, n int64) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = first + int64(i)
	}
	return all
}

// A few minutes after midnight, today has no table. What is known of it is what it has
// from the day before.
func TestALargeShopBeginsTheDayWithWhatIsCarriedOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asOf func(today clock.Day) time.Time
		want func(today clock.Day) time.Time
	}{
		"yesterday is published after its end":  {func(d clock.Day) time.Time { return d.Start().Add(time.Minute) }, clock.Day.Start},
		"yesterday is published before its end": {func(d clock.Day) time.Time { return d.Start().Add(-time.Minute) }, func(d clock.Day) time.Time { return d.Start().Add(-time.Minute) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			s.clock.set(s.today.Start().Add(5 * time.Minute))
			s.count(0, map[int64]int64{1: 3})
			s.publish(s.daily(1).Period, c.asOf(s.today), ids(1, rankings.Depth)...)
			q := s.daily(0)
			q.Size = 3
			p := s.demand(q, rankings.FromTable, 1, 2, 3)
			if want := ranking.Points(1_000_000 * rankings.Depth / 10); p.Items[0].Score != want || p.Complete || p.Snapshot != "" ||
				!p.HasMore || !p.AsOf.Equal(c.want(s.today)) {
				t.Errorf("%+v, want a score of %v", p, want)
			}
			if n := s.db.folds.Load(); n != 0 {
				t.Errorf("%d folds", n)
			}
			s.publish(q.Period, s.clock.now(), ids(5, rankings.Depth)...)
			s.demand(q, rankings.FromTable, 5, 6, 7)
		})
	}
}

// The job that publishes has stopped: an old table is not better than the counters, but
// better than nothing.
func TestAnOldTableIsTheLastResort(t *testing.T) {
	t.Parallel()
	for name, ago := range map[string]int{"of today": 0, "of the day before": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lost(t, 0, func(s *env) {
				s.publish(s.daily(ago).Period, time.Now().Add(-2*time.Hour), ids(101, rankings.Depth)...)
				s.demand(s.daily(0), rankings.FromDatabase, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21)
				time.Sleep(time.Hour)
				s.db.folding = func() { time.Sleep(time.Minute) }
				s.demand(s.daily(0), rankings.FromTable, ids(101, 10)...)
			})
		})
	}
}

func TestASmallShopIsShownItsTableWhileTheCountersTakeLong(t *testing.T) {
	t.Parallel()
	lost(t, time.Minute, func(s *env) {
		s.publish(s.daily(0).Period, time.Now(), 1, 2, 3)
		s.demand(s.daily(0), rankings.FromTable, 1, 2, 3)
	})
}

// largeBoard is the board of a large shop: product n has rank n.
type largeBoard struct {
	rankings.Board
	has      int64 // so many products are written
	complete bool
}

func (b *largeBoard) Top(_ context.Context, _ clock.Day, offset, limit int64) (top []ranking.Entry, complete bool, err error) {
	for rank := offset + 1; rank <= min(offset+limit, b.has); rank++ {
		top = append(top, ranking.Entry{Rank: rank, ProductID: rank, Score: ranking.Points(b.has + 1 - rank)})
	}
	return top, b.complete, nil
}

func (b *largeBoard) Ranks(context.Context, clock.Day, []int64) (map[int64]int64, bool, error) {
	return nil, false, nil
}

func (b *largeBoard) LiveScores(_ context.Context, _ clock.Day, ids []int64) (map[int64]int64, bool, error) {
	scores := map[int64]int64{}
	for _, pid := range ids {
		if pid <= b.has {
			scores[pid] = b.has + 1 - pid
		}
	}
	return scores, b.complete, nil
}

// Redis loses the board of a large shop, and it is made again, product by product. Whenever
// a reader comes, each page has as many products as before.
func TestNoPageBecomesEmptyWhileABoardIsMadeAgain(t *testing.T) {
	t.Parallel()
	const products = rankings.Depth + 100
	for name, ago := range map[string]int{"today": 0, "yesterday": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			board := &largeBoard{has: products, complete: true}
			s.reader = newReader(s.db, board, s.clock.now)
			s.count(ago, map[int64]int64{10: 1, 11: 1, 12: 1, 13: 1, 14: 1, 15: 1, 16: 1, 17: 1, 18: 1, 19: 1})
			s.publish(s.daily(ago).Period, s.clock.now(), ids(1, rankings.Depth)...)
			for _, state := range []largeBoard{{nil, products, true}, {nil, 0, false}, {nil, 5_000, false}, {nil, products, false}, {nil, products, true}} {
				board.has, board.complete = state.has, state.complete
				s.clock.advance(time.Minute)
				s.demandPages(ago, rankings.Depth/100)
				beyond := s.daily(ago)
				beyond.Number, beyond.Size = rankings.Depth/100+1, 100
				if state.complete {
					s.demand(beyond, rankings.FromBoard, ids(rankings.Depth+1, 100)...)
				} else {
					s.refuses(beyond, rankings.ErrBusy)
				}
				s.publish(s.daily(ago).Period, s.clock.now(), ids(1, rankings.Depth)...)
			}
		})
	}
}

// demandPages demands that some pages of 100 are full, and that of a brand, too.
func (s *env) demandPages(ago int, last int64) {
	s.Helper()
	for _, number := range []int64{1, 2, last} {
		q := s.daily(ago)
		q.Number, q.Size = number, 100
		if p := s.read(q); len(p.Items) != 100 || p.Items[0].ProductID != 100*number-99 {
			s.Errorf("page %d has %d products", number, len(p.Items))
		}
	}
	q := s.daily(ago)
	q.BrandID = 2 // the products 10 to 19
	if p := s.read(q); len(p.Items) != 10 {
		s.Errorf("the brand has %d products", len(p.Items))
	}
}

// The table of a day without a board ends where it ends.
func TestThePageAfterTheLastOfAnOldTableIsEmpty(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.publish(s.daily(20).Period, s.clock.now(), ids(1, rankings.Depth)...)
	q := s.daily(20)
	q.Number, q.Size = 101, 100
	s.demand(q, rankings.FromTable)
}

// A fold that has all products ends where they end.
func TestThePageAfterTheLastOfASmallShopIsEmpty(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	q := s.daily(0)
	q.Number = 2
	s.demand(q, rankings.FromDatabase)
}
