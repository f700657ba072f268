package rankings_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// publish publishes products as the ranking of a period in a real database.
func publish(s *shoptest.Shop, p ranking.Period, products ...int64) {
	s.T.Helper()
	pub := ranking.Publication{Period: p, Run: s.IDs(), AsOf: time.Now(), Weights: "w", Rows: int64(len(products))}
	work := ranking.Work{Run: s.IDs(), Period: p}
	var rows []ranking.Row
	for i, pid := range products {
		score := ranking.Points(1000 - i)
		rows = append(rows, ranking.Row{
			Entry:    ranking.Entry{Rank: int64(i) + 1, ProductID: pid, Score: score},
			Counters: metric.Counters{ProductID: pid, Views: 1},
		})
	}
	ctx := context.WithoutCancel(s.T.Context())
	err := s.DB.Update(ctx, func(tx store.Tx) error {
		tx.Rollup.Keep(work, rows)
		_, err := tx.Rollup.Settle(ctx, work, pub.Run, 1000, pub.Rows)
		tx.Published.Publish(pub)
		return err
	})
	if err != nil {
		s.T.Error(err)
	}
}

// purge deletes what was replaced.
func purge(s *shoptest.Shop) {
	s.T.Helper()
	err := s.DB.Update(s.T.Context(), func(tx store.Tx) error {
		_, err := tx.Published.Purge(s.T.Context(), time.Now().Add(time.Hour), 1000)
		return err
	})
	if err != nil {
		s.T.Error(err)
	}
}

func TestTheStoryOfAWeek(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		var ids []int64
		for range 6 {
			ids = append(ids, s.Product(t, 1000, 1))
		}
		reader := newReader(s.DB, lostBoard{}, time.Now)
		week := ranking.PeriodOf(ranking.Weekly, clock.DayOf(time.Now()))
		q := rankings.Query{Period: week, Number: 1, Size: 2}
		e := &env{T: t, reader: reader}
		e.demand(q, rankings.FromNothing)
		err := s.DB.Update(t.Context(), func(tx store.Tx) error {
			tx.Metrics.Add([]metric.Counters{{ProductID: ids[0], Day: clock.DayOf(time.Now()), Views: 1}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		e.refuses(q, ranking.ErrNotPublished)
		publish(s, week.Previous(), ids[4], ids[1], ids[0])
		publish(s, week, ids[0], ids[1], ids[2])
		page := e.demand(q, rankings.FromTable, ids[0], ids[1])
		if got := movements(t, page); got[ids[0]] != 3 || got[ids[1]] != 2 || !page.HasMore {
			t.Errorf("movements %v", got)
		}
		publish(s, week, ids[5])
		q.Snapshot, q.Number = page.Snapshot, 2
		if got := movements(t, e.demand(q, rankings.FromTable, ids[2])); got[ids[2]] != 0 {
			t.Errorf("movements %v", got)
		}
		purge(s)
		e.refuses(q, rankings.ErrSnapshotExpired)
		one, err := s.Catalog.Get(t.Context(), ids[0])
		if err != nil {
			t.Fatal(err)
		}
		q.Snapshot, q.Number, q.BrandID = "", 1, one.BrandID
		e.demand(q, rankings.FromTable, ids[5])
		daily := rankings.Query{Period: ranking.PeriodOf(ranking.Daily, clock.DayOf(time.Now())), Number: 1, Size: 5}
		e.demand(daily, rankings.FromDatabase, ids[0])
		daily.BrandID = q.BrandID
		e.demand(daily, rankings.FromDatabase, ids[0])
	})
}

// Readers see one ranking or another, and never none, a part, or a mix.
func TestReadersSeeNoRankingHalfDone(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		week := ranking.PeriodOf(ranking.Weekly, 20251103)
		up, down := []int64{1, 2, 3, 4, 5}, []int64{15, 14, 13, 12, 11, 10, 9}
		publish(s, week, up...)
		reader := newReader(s.DB, lostBoard{}, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for ctx.Err() == nil {
					p, err := reader.Read(ctx, rankings.Query{Period: week, Number: 1, Size: 10})
					if errors.Is(err, context.Canceled) {
						return
					}
					if err != nil || !shows(p, up) && !shows(p, down) {
						t.Errorf("%+v, %v", p, err)
						return
					}
				}
			})
		}
		for range 10 {
			publish(s, week, down...)
			publish(s, week, up...)
			purge(s)
		}
		stop()
		readers.Wait()
	})
}

// hurried is a database in which a table is replaced and purged after each of the first reads.
type hurried struct {
	store.DB
	left    int
	replace func()
}

func (h *hurried) View(ctx context.Context, fn func(store.Tx) error) error {
	err := h.DB.View(ctx, fn)
	if h.left > 0 {
		h.left--
		h.replace()
	}
	return err
}

// damaged is a database in which the rows of each table are missing.
type damaged struct{ store.DB }

func (d damaged) View(ctx context.Context, fn func(store.Tx) error) error {
	return d.DB.View(ctx, func(tx store.Tx) error {
		tx.Published = noRows{tx.Published}
		return fn(tx)
	})
}

type noRows struct{ ranking.PublishedTable }

func (noRows) Rows(context.Context, id.ID, int64, int64) ([]ranking.Row, error) { return nil, nil }

// A reader who is slow finds the table that is there, however often it is replaced.
func TestAReaderFindsATableThatIsReplacedAllTheTime(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		week := ranking.PeriodOf(ranking.Weekly, 20251103)
		publish(s, week, 1, 2)
		db := &hurried{DB: s.DB, left: 6, replace: func() { publish(s, week, 1, 2); purge(s) }}
		reader := newReader(db, lostBoard{}, time.Now)
		p, err := reader.Read(t.Context(), rankings.Query{Period: week, Number: 1, Size: 10})
		if err != nil || !shows(p, []int64{1, 2}) {
			t.Errorf("%+v, %v", p, err)
		}
		publish(s, week.Next(), 2, 1)
		db.left, db.replace = 6, func() { publish(s, week, 1, 2); purge(s) }
		p, err = reader.Read(t.Context(), rankings.Query{Period: week.Next(), Number: 1, Size: 10})
		if err != nil || !cmp.Equal(movements(t, p), map[int64]int64{1: 1, 2: 2}) {
			t.Errorf("the period before is replaced: %+v, %v", p.Items, err)
		}
		if _, err := newReader(damaged{s.DB}, lostBoard{}, time.Now).Read(t.Context(), rankings.Query{Period: week, Number: 1, Size: 10}); !errors.Is(err, rankings.ErrSnapshotExpired) {
			t.Errorf("a table whose rows are missing: %v", err)
		}
	})
}

func shows(p rankings.Page, products []int64) bool {
	if len(p.Items) != len(products) {
		return false
	}
	for i, item := range p.Items {
		if item.ProductID != products[i] || item.Rank != int64(i)+1 {
			return false
		}
	}
	return true
}
