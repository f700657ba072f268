package rankings_test

import (
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

// Redis loses the board of a large shop, and it is made again, product by product. Whenever
// a reader comes, each page has as many products as before.
func TestNoPageBecomesEmptyWhileABoardIsMadeAgain(t *testing.T) {
	t.Parallel()
	const products = rankings.Depth + 100
	for name, ago := range map[string]int{"today": 0, "yesterday": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			views := map[int64]int64{}
			for _, pid := range ids(1, products) {
				views[pid] = products + 1 - pid
			}
			s.count(ago, views)
			s.rebuild(s.daily(ago).Period.First)
			s.publish(s.daily(ago).Period, s.clock.now(), ids(1, rankings.Depth)...)
			pages := func(state string) {
				s.clock.advance(time.Minute)
				for _, number := range []int64{1, 2, 50, 100} {
					q := s.daily(ago)
					q.Number, q.Size = number, 100
					if p := s.read(q); len(p.Items) != 100 || p.Items[0].ProductID != 100*number-99 {
						t.Errorf("%s: page %d has %d products", state, number, len(p.Items))
					}
				}
				q := s.daily(ago)
				q.BrandID = 2 // the products 10 to 19
				if p := s.read(q); len(p.Items) != 10 {
					t.Errorf("%s: the brand has %d products", state, len(p.Items))
				}
				q.BrandID = 0
				q.Number, q.Size = 101, 100
				if p, err := s.reader.Read(t.Context(), q); err == nil && len(p.Items) != 100 {
					t.Errorf("%s: the page beyond is empty", state)
				}
			}
			pages("before")
			s.board.Server.FlushAll()
			pages("lost")
			q := s.daily(ago)
			q.Number, q.Size = 101, 100
			s.refuses(q, rankings.ErrBusy)
			token, err := s.board.Begin(t.Context(), q.Period.First, "builder", 0)
			if err != nil {
				t.Fatal(err)
			}
			pages("begun")
			err = s.board.Fill(t.Context(), q.Period.First, token, []ranking.Score{{ProductID: 1, Own: 9, Live: 9, Version: 1}})
			if err != nil {
				t.Fatal(err)
			}
			pages("half made")
			s.rebuild(q.Period.First)
			pages("made")
			if p := s.read(q); len(p.Items) != 100 || p.Source != rankings.FromBoard {
				t.Errorf("%d products from %s", len(p.Items), p.Source)
			}
		})
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
