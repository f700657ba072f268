package rankings_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

func TestACompleteBoardIsRead(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: 5, 3: 5})
	s.rebuild(s.today)
	q := s.daily(0)
	q.Size = 2
	p := s.demand(q, rankings.FromBoard, 3, 2)
	if !p.HasMore || p.Complete || !p.AsOf.Equal(s.clock.now()) || p.Items[0].Score != 500_000 || p.Snapshot != "" {
		s.Errorf("%+v", p)
	}
	q.Number = 2
	if p := s.demand(q, rankings.FromBoard, 1); p.HasMore {
		s.Error("there is a page after the last")
	}
	if rank := s.reader.Rank(s.Context(), s.today, 1); rank == nil || *rank != 3 {
		s.Errorf("rank %v, want 3", rank)
	}
	if n := s.reader.Reads(rankings.FromBoard); n != 2 {
		s.Errorf("%d reads from the board", n)
	}
}

func TestABoardThatIsNotCompleteIsNotRead(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: 5})
	s.set(s.today, 1, 300_000)
	s.demand(s.daily(0), rankings.FromDatabase, 2, 1)
	if rank := s.reader.Rank(s.Context(), s.today, 1); rank != nil {
		s.Errorf("rank %d", *rank)
	}
}

func TestRankingsAreReadWithoutRedis(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.count(1, map[int64]int64{2: 50})
	s.rebuild(s.today)
	s.demand(s.daily(0), rankings.FromBoard, 2, 1)
	s.board.Server.Close()
	s.demand(s.daily(0), rankings.FromDatabase, 2, 1)
	if rank := s.reader.Rank(t.Context(), s.today, 1); rank != nil {
		t.Errorf("rank %d", *rank)
	}
	if s.reader.Reads(rankings.FromBoard) != 1 || s.reader.Reads(rankings.FromDatabase) != 1 {
		t.Error("the reads are counted wrongly")
	}
}

func TestPeriodsWithoutEventsAreEmpty(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.count(-1, map[int64]int64{1: 3}) // a clock that is ahead
	if p := s.demand(s.daily(-1), rankings.FromNothing); p.Complete {
		t.Error("tomorrow is over")
	}
	for _, kind := range ranking.Kinds() { // before the shop
		p := ranking.PeriodOf(kind, s.today.Add(-1000))
		if p := s.demand(rankings.Query{Period: p, Number: 1, Size: 10}, rankings.FromNothing); !p.Complete {
			t.Error("a day that is long past is not over")
		}
	}
	s.rebuild(s.today.Add(1)) // as on its eve
	if rank := s.reader.Rank(t.Context(), s.today.Add(1), 1); rank != nil {
		t.Errorf("rank %d tomorrow", *rank)
	}
}

func TestDaysWithoutABoardAreReadFromTheTable(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(9, map[int64]int64{1: 3})
	s.count(1, map[int64]int64{1: 3})
	if _, err := s.reader.Read(t.Context(), s.daily(9)); !errors.Is(err, ranking.ErrNotPublished) {
		t.Errorf("not published: %v", err)
	}
	asOf := s.clock.now().Add(-time.Hour)
	s.publish(s.daily(9).Period, asOf, 4, 1)
	if p := s.demand(s.daily(9), rankings.FromTable, 4, 1); !p.AsOf.Equal(asOf.Truncate(time.Microsecond)) || !p.Complete {
		t.Errorf("%+v", p)
	}
}

// Whatever is asked of a day that is over, nobody computes it from the counters.
func TestAFinishedDayWithoutItsBoardIsReadFromTheTable(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(s *env){
		"the board is not complete": func(*env) {},
		"Redis is away":             func(s *env) { s.board.Server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			s.count(3, map[int64]int64{1: 3})
			s.rebuild(s.today.Add(-1))
			s.demand(s.daily(1), rankings.FromBoard, 1)
			lose(s)
			brand := s.daily(3)
			brand.BrandID = 1
			s.refuses(s.daily(3), ranking.ErrNotPublished)
			s.refuses(brand, ranking.ErrNotPublished)
			s.publish(s.daily(3).Period, s.clock.now(), 7)
			s.demand(s.daily(3), rankings.FromTable, 7)
			s.demand(brand, rankings.FromTable, 7)
			if p := s.demand(s.daily(7), rankings.FromNothing); !p.Complete { // nothing was counted
				t.Error("a day without events is not over")
			}
			if n := s.db.folds.Load(); n != 0 {
				t.Errorf("%d folds", n)
			}
		})
	}
}

// The counters of all products of eight days are too many to read.
func TestTheRunningDayOfALargeShopIsReadFromTheTable(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3, 2: 5})
	few, many := make([]int64, rankings.Depth-1), make([]int64, rankings.Depth)
	for i := range many {
		many[i] = int64(i) + 1
		copy(few, many)
	}
	s.publish(s.daily(0).Period, s.clock.now(), few...)
	s.demand(s.daily(0), rankings.FromDatabase, 2, 1)
	s.publish(s.daily(0).Period, s.clock.now(), many...)
	q := s.daily(0)
	q.Size = 3
	if p := s.demand(q, rankings.FromTable, 1, 2, 3); p.Complete || p.Snapshot == "" {
		t.Errorf("%+v", p)
	}
	q.BrandID = 1
	s.demand(q, rankings.FromDatabase, 2, 1)
	if n := s.db.folds.Load(); n != 2 {
		t.Errorf("%d folds, want one of the small shop, and one of the brand", n)
	}
	s.rebuild(s.today)
	q.BrandID = 0
	s.demand(q, rankings.FromBoard, 2, 1)
}

// Its counters were added to those of the month before anybody published it.
func TestAPeriodWhoseCountersAreNotKeptIsGone(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	day := clock.Day(20240503) // days of April are carried over into it
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		tx.Metrics.Add([]metric.Counters{{ProductID: 1, Day: day, Views: 1}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range ranking.Kinds() {
		s.refuses(rankings.Query{Period: ranking.PeriodOf(kind, day), Number: 1, Size: 1}, ranking.ErrNotPublished)
	}
	s.db.months = rolledUp{metric.MonthOf(20240401): true}
	for kind, want := range map[ranking.Kind]error{
		ranking.Daily: ranking.ErrNotKept, ranking.Weekly: ranking.ErrNotKept, ranking.Monthly: ranking.ErrNotPublished,
	} {
		s.refuses(rankings.Query{Period: ranking.PeriodOf(kind, day), Number: 1, Size: 1}, want)
	}
	next := rankings.Query{Period: ranking.PeriodOf(ranking.Daily, day.Add(1)), Number: 1, Size: 1}
	s.publish(next.Period, s.clock.now(), 5)
	if item := s.read(next).Items[0]; item.Compared {
		t.Errorf("compared with what is gone: %+v", item)
	}
}

func TestWeeksAndMonthsAreReadFromTheirTables(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	for _, kind := range []ranking.Kind{ranking.Weekly, ranking.Monthly} {
		q := rankings.Query{Period: ranking.PeriodOf(kind, s.today), Number: 1, Size: 2}
		if _, err := s.reader.Read(t.Context(), q); !errors.Is(err, ranking.ErrNotPublished) {
			t.Errorf("%s: %v", kind, err)
		}
		s.publish(q.Period, s.clock.now(), 5, 4, 3)
		if p := s.demand(q, rankings.FromTable, 5, 4); p.Complete || !p.HasMore {
			t.Errorf("the running %s: %+v", kind, p)
		}
		q.Number = 2
		if p := s.demand(q, rankings.FromTable, 3); p.HasMore {
			t.Error("there is a page after the last")
		}
		q.Number = 3
		s.demand(q, rankings.FromTable)
	}
	if s.db.folds.Load() != 0 {
		t.Error("a table was computed by a reader")
	}
}

func TestPagesThatCannotBeAreEmpty(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	for _, n := range [][2]int64{{0, 10}, {-1, 10}, {1, 0}, {math.MaxInt64, 100}, {2, 10}, {101, 100}} {
		q := s.daily(0)
		q.Number, q.Size = n[0], n[1]
		if p := s.read(q); len(p.Items) > 0 || p.HasMore {
			t.Errorf("page %d of %d: %v", n[0], n[1], p)
		}
	}
}

func TestTheDatabasesFailureIsTold(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	down := errors.New("down")
	s.db.Fail = func(string) error { return down }
	if _, err := s.reader.Read(t.Context(), s.daily(0)); !errors.Is(err, down) {
		t.Errorf("the error is %v", err)
	}
}

// Whoever is asked, the board or the database, says the same.
func TestBoardAndDatabaseAgreeOnEveryPage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := embedded(t)
		defer s.board.Server.Close()
		for range rapid.IntRange(0, 12).Draw(r, "counts") {
			s.count(rapid.IntRange(0, 9).Draw(r, "days ago"), map[int64]int64{
				rapid.Int64Range(1, 12).Draw(r, "product"): rapid.Int64Range(-3, 30).Draw(r, "views"),
			})
		}
		q := s.daily(0)
		q.Size = rapid.Int64Range(1, 4).Draw(r, "size")
		q.BrandID = rapid.Int64Range(0, 2).Draw(r, "brand")
		fromDatabase := s.pages(q)
		s.rebuild(q.Period.First)
		fromBoard := s.pages(q)
		ignore := cmpopts.IgnoreFields(rankings.Page{}, "Source")
		if diff := cmp.Diff(fromDatabase, fromBoard, cmpopts.EquateEmpty(), ignore, uncompared); diff != "" {
			r.Error(diff)
		}
		if n := s.reader.Reads(rankings.FromBoard); n != 7 {
			r.Errorf("%d from the board", n)
		}
	})
}

// uncompared ignores movements.
var uncompared = cmpopts.IgnoreFields(rankings.Item{}, "Compared", "Previous")

// pages reads the first seven pages. The caches are empty: a brand's list on the board is
// kept for a moment.
func (s *env) pages(q rankings.Query) (all []rankings.Page) {
	s.Helper()
	s.clock.advance(time.Second)
	for q.Number = 1; q.Number <= 7; q.Number++ {
		p := s.read(q)
		p.AsOf = time.Time{}
		all = append(all, p)
	}
	return all
}

func TestAnAbsentRedisDoesNotHoldReadersUp(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.board.Server.Close()
	began := time.Now()
	for range 200 {
		s.read(s.daily(0))
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("200 reads took %v", took)
	}
}

// While the database notes that the board lacks scores, pages come from the counters.
func TestABoardThatLacksScoresIsNotRead(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 5})
	s.rebuild(s.today)
	s.demand(s.daily(0), rankings.FromBoard, 1)
	s.count(0, map[int64]int64{2: 9})
	note := func(f func(tx store.Tx)) {
		if err := s.db.Update(t.Context(), func(tx store.Tx) error { f(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	note(func(tx store.Tx) { tx.Gaps.Note([]clock.Day{s.today}) })
	s.clock.advance(2 * time.Second)
	s.demand(s.daily(0), rankings.FromDatabase, 2, 1)
	s.rebuild(s.today) // which closes the gap
	s.clock.advance(2 * time.Second)
	s.demand(s.daily(0), rankings.FromBoard, 2, 1)
}
