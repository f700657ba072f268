package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

func publishedTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a ranking is published with its rows":                    rankingPublished,
		"a ranking without all of its rows is not published":      rankingIncomplete,
		"readers switch from one ranking of a period to the next": rankingReplaced,
		"rankings are found by the days that they overlap":        rankingsOverlap,
		"the ranking of a brand has ranks of its own":             rankingOfBrand,
		"what was replaced is purged, and nothing else":           rankingsPurged,
		"two runs that publish the same period at the same time":  rankingsRace,
		"the work of abandoned runs is purged":                    workPurged,
	}
}

// ranked returns rows with the scores of some products, best first.
func ranked(products ...int64) (rows []ranking.Row) {
	for i, p := range products {
		rows = append(rows, ranking.Row{
			Entry: ranking.Entry{Rank: int64(i) + 1, ProductID: p, Score: ranking.Points(1000 - i)},
			Counters: metric.Counters{
				ProductID: p, Views: 10 * p, Likes: -p, Orders: 1, Quantity: 2, Amount: 3, AmountLog: 4,
			},
		})
	}
	return rows
}

func (s *shop) publication(kind ranking.Kind, day clock.Day, rows int) ranking.Publication {
	return ranking.Publication{
		Period: ranking.PeriodOf(kind, day), Run: s.ids(), AsOf: noon().Truncate(time.Microsecond), Complete: true,
		Changes: 7, Weights: "100/200/700/100", Rows: int64(rows), Limit: 100,
	}
}

// publish writes rows and publishes them, as a run with one range does.
func (s *shop) publish(p ranking.Publication, rows []ranking.Row) {
	s.Helper()
	s.update(publishing(p, s.ids(), rows))
}

func publishing(p ranking.Publication, run id.ID, rows []ranking.Row) func(context.Context, store.Tx) error {
	w := ranking.Work{Run: run, Period: p.Period}
	return func(ctx context.Context, tx store.Tx) error {
		tx.Rollup.Keep(w, rows)
		_, err := tx.Rollup.Settle(ctx, w, p.Run, 1_000, int64(len(rows)))
		tx.Published.Publish(p)
		return err
	}
}

func (s *shop) current(p ranking.Period) ranking.Publication {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (ranking.Publication, error) {
		return tx.Published.Current(ctx, p)
	})
}

func (s *shop) rowsOf(run id.ID, offset, limit int64) []ranking.Row {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]ranking.Row, error) {
		return tx.Published.Rows(ctx, run, offset, limit)
	})
}

func rankingPublished(s *shop) {
	for _, kind := range ranking.Kinds() {
		p := s.publication(kind, 20251103, 3)
		err := s.db.View(s.Context(), func(tx store.Tx) error {
			_, err := tx.Published.Current(s.Context(), p.Period)
			return err
		})
		if !errors.Is(err, ranking.ErrNotPublished) {
			s.Errorf("before: %v", err)
		}
		p.Complete = kind == ranking.Daily
		rows := ranked(9, 100, 8)
		s.publish(p, rows)
		s.equal(p, s.current(p.Period))
		s.equal(rows, s.rowsOf(p.Run, 0, 10))
		s.equal(rows[1:2], s.rowsOf(p.Run, 1, 1))
		s.equal(map[int64]int64{100: 2, 8: 3}, read(s, func(ctx context.Context, tx store.Tx) (map[int64]int64, error) {
			return tx.Published.Ranks(ctx, p.Run, []int64{8, 100, 101})
		}))
	}
	empty := s.publication(ranking.Weekly, 20240101, 0)
	s.publish(empty, nil)
	s.equal(empty, s.current(empty.Period))
	s.equal(0, len(s.rowsOf(empty.Run, 0, 10)))
}

func rankingIncomplete(s *shop) {
	for rows, claimed := range map[int]int{2: 3, 3: 2, 0: 1} {
		p := s.publication(ranking.Weekly, 20251103, claimed)
		s.refuses(ranking.ErrIncomplete, publishing(p, s.ids(), ranked(1, 2, 3)[:rows]))
	}
	p := s.publication(ranking.Weekly, 20251103, 3)
	s.refuses(ranking.ErrIncomplete, func(ctx context.Context, tx store.Tx) error {
		w := ranking.Work{Run: s.ids(), Period: p.Period}
		tx.Rollup.Keep(w, ranked(1, 2))
		_, err := tx.Rollup.Settle(ctx, w, p.Run, 100, 3)
		return err
	})
}

func rankingReplaced(s *shop) {
	before, after := s.publication(ranking.Monthly, 20251103, 3), s.publication(ranking.Monthly, 20251130, 2)
	s.publish(before, ranked(1, 2, 3))
	s.publish(after, ranked(3, 4))
	s.equal(after, s.current(before.Period))
	s.equal(ranked(3, 4), s.rowsOf(after.Run, 0, 10))
	s.equal(ranked(1, 2, 3), s.rowsOf(before.Run, 0, 10))
	s.equal(ranking.ErrIncomplete, s.db.Update(s.Context(), func(tx store.Tx) error {
		return publishing(s.publication(ranking.Monthly, 20251101, 9), s.ids(), ranked(5))(s.Context(), tx)
	}))
	s.equal(after, s.current(before.Period))
}

func rankingsOverlap(s *shop) {
	var weeks []ranking.Publication
	for n := range 5 {
		p := s.publication(ranking.Weekly, clock.Day(20251222).Add(7*n), 1)
		s.publish(p, ranked(1))
		weeks = append(weeks, p)
	}
	s.publish(s.publication(ranking.Monthly, 20260101, 1), ranked(1))
	for _, c := range []struct {
		first, last clock.Day
		want        []ranking.Publication
	}{
		{20251228, 20251229, weeks[:2]},
		{20251229, 20260104, weeks[1:2]},
		{20260104, 20260105, weeks[1:3]},
		{20250101, 20251221, nil},
		{20260125, 20270101, weeks[4:]},
		{20260126, 20270101, nil},
		{20250101, 20270101, weeks},
	} {
		got := read(s, func(ctx context.Context, tx store.Tx) ([]ranking.Publication, error) {
			return tx.Published.Currents(ctx, ranking.Weekly, c.first, c.last)
		})
		s.equal(c.want, got)
	}
}

func rankingOfBrand(s *shop) {
	mine, other := s.brand().ID, s.brand().ID
	a, b, c, d := s.product(mine, 0).ID, s.product(other, 0).ID, s.product(mine, 0).ID, s.product(mine, 0).ID
	p := s.publication(ranking.Weekly, 20251103, 5)
	rows := ranked(b, d, 999, a, c)
	s.publish(p, rows)
	of := func(brand, offset, limit int64) []ranking.Row {
		return read(s, func(ctx context.Context, tx store.Tx) ([]ranking.Row, error) {
			return tx.Published.OfBrand(ctx, p.Run, brand, offset, limit)
		})
	}
	want := []ranking.Row{rows[1], rows[3], rows[4]}
	for i := range want {
		want[i].Rank = int64(i) + 1
	}
	s.equal(want, of(mine, 0, 10))
	s.equal(want[1:2], of(mine, 1, 1))
	s.equal(0, len(of(999, 0, 10)))
}

// purge deletes up to limit rows at a time until there are none, and returns their
// number.
func (s *shop) purge(before time.Time, limit int) (all int64) {
	s.Helper()
	for {
		n := write(s, func(ctx context.Context, tx store.Tx) (int64, error) {
			return tx.Published.Purge(ctx, before, limit)
		})
		if n > int64(limit) {
			s.Errorf("%d rows were deleted, at most %d may be", n, limit)
		}
		if all += n; n == 0 {
			return all
		}
	}
}

func rankingsPurged(s *shop) {
	old, newer := s.publication(ranking.Weekly, 20251103, 3), s.publication(ranking.Weekly, 20251103, 2)
	s.publish(old, ranked(1, 2, 3))
	began := time.Now()
	s.publish(newer, ranked(1, 2))
	s.equal(int64(0), s.purge(began.Add(-time.Hour), 2))
	s.equal(3, len(s.rowsOf(old.Run, 0, 10)))
	s.equal(int64(4), s.purge(began.Add(time.Hour), 2))
	s.equal(0, len(s.rowsOf(old.Run, 0, 10)))
	s.equal(2, len(s.rowsOf(newer.Run, 0, 10)))
	s.equal(newer, s.current(newer.Period))
}

func rankingsRace(s *shop) {
	var all sync.WaitGroup
	period := ranking.PeriodOf(ranking.Weekly, 20251103)
	for n := range 8 {
		all.Go(func() {
			p := s.publication(ranking.Weekly, 20251103, n+1)
			s.publish(p, ranked([]int64{1, 2, 3, 4, 5, 6, 7, 8}[:n+1]...))
		})
	}
	all.Wait()
	p := s.current(period)
	s.equal(int(p.Rows), len(s.rowsOf(p.Run, 0, 100)))
	deleted := s.purge(time.Now().Add(time.Hour), 1_000)
	if want := int64(1+2+3+4+5+6+7+8) - p.Rows + 7; deleted != want {
		s.Errorf("%d rows were deleted, want %d: %s", deleted, want, fmt.Sprint(p))
	}
}

func workPurged(s *shop) {
	w := ranking.Work{Run: s.ids(), Period: ranking.PeriodOf(ranking.Weekly, 20251103)}
	s.update(func(ctx context.Context, tx store.Tx) error {
		tx.Rollup.Keep(w, ranked(1, 2, 3))
		_, err := tx.Rollup.Finish(ctx, w, ranking.Part{Done: 1, Changes: 5, Candidates: 3})
		return err
	})
	abandoned := time.Now().Add(ranking.Abandoned)
	s.equal(int64(0), s.purge(abandoned.Add(-time.Hour), 100))
	s.equal(int64(4), s.purge(abandoned.Add(time.Hour), 2))
}
