package scoring_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/archive"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/ranktest"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// publish runs the jobs that publish rankings, at noon.
func publish(s *shoptest.Shop) {
	s.T.Helper()
	jobs := rollup.New(rollup.Config{
		DB: s.DB, IDs: s.IDs, Clock: at(noon), Log: slog.New(slog.DiscardHandler),
		Schedules: func(ctx context.Context, tx store.Tx) (ranking.Schedule, error) {
			return ranking.ReadSchedule(ctx, tx.Weights)
		},
	}).Jobs()
	for _, j := range jobs {
		run(s, j)
	}
}

func run(s *shoptest.Shop, j batch.Job) {
	s.T.Helper()
	work := &ranktest.Run{DB: s.DB, Job: j, ID: s.IDs(), At: noon}
	if err := work.Do(s.T.Context(), nil); err != nil {
		s.T.Fatal(err)
	}
}

func view(s *shoptest.Shop, day clock.Day, views map[int64]int64) {
	s.T.Helper()
	err := s.DB.Update(s.T.Context(), func(tx store.Tx) error {
		var rows []metric.Counters
		for pid, n := range views {
			rows = append(rows, metric.Counters{ProductID: pid, Day: day, Views: n})
		}
		slices.SortFunc(rows, func(a, b metric.Counters) int { return int(a.ProductID - b.ProductID) })
		tx.Metrics.Add(rows)
		return nil
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

// explained explains a score, which must be the published one unless that is stale.
func explained(s *shoptest.Shop, service *scoring.Service, kind ranking.Kind, day clock.Day, pid int64) scoring.Explained {
	s.T.Helper()
	e, err := service.Explain(s.T.Context(), kind, day, pid)
	if err != nil {
		s.T.Fatal(err)
	}
	if p := e.Published; p != nil && p.Score != nil && (*p.Score != e.Score) != p.Stale {
		s.T.Errorf("%s %s: explained %s, published %s, stale %v", kind, day, e.Score, *p.Score, p.Stale)
	}
	return e
}

func TestTheRankOfAPeriodWithoutABoardIsThePublishedOne(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		first, second, unseen := s.Product(s.T, 1000, 1), s.Product(s.T, 1000, 1), s.Product(s.T, 1000, 1)
		service := service(s, new(ranks), at(noon))
		for _, day := range []clock.Day{20260301, 20260302, 20260310} {
			view(s, day, map[int64]int64{first: 9, second: 3})
		}
		if e := explained(s, service, ranking.Weekly, 20260302, second); e.Published != nil || e.Rank() != nil {
			s.T.Errorf("nothing is published: %+v", e)
		}
		publish(s)
		for _, c := range []struct {
			kind     ranking.Kind
			day      clock.Day
			complete bool
		}{
			{ranking.Daily, 20260302, true}, {ranking.Daily, 20260310, false}, {ranking.Weekly, 20260302, true}, {ranking.Monthly, 20260310, false},
		} {
			e := explained(s, service, c.kind, c.day, second)
			p := e.Published
			if p == nil || p.Stale || p.Complete != c.complete || !p.AsOf.Equal(noon) || e.Rank() == nil || *e.Rank() != 2 {
				s.T.Errorf("%s %s: %+v", c.kind, c.day, p)
			}
		}
		if p := explained(s, service, ranking.Weekly, 20260302, unseen).Published; p == nil || p.Rank != nil || p.Score != nil {
			s.T.Errorf("a product without a score: %+v", p)
		}
	})
}

func TestTheLiveRankOfADayComesBeforeThePublishedOne(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		pid, seventh := s.Product(s.T, 1000, 1), int64(7)
		board := &ranks{rank: &seventh}
		service := service(s, board, at(noon))
		view(s, 20260309, map[int64]int64{pid: 1})
		publish(s)
		if e := explained(s, service, ranking.Daily, 20260309, pid); *e.Rank() != 7 || *e.Published.Rank != 1 {
			s.T.Errorf("%+v", e)
		}
		board.rank, board.err = nil, errors.New("away")
		if e := explained(s, service, ranking.Daily, 20260309, pid); *e.Rank() != 1 {
			s.T.Errorf("without the board: %+v", e)
		}
	})
}

// What readers see is older than what is explained, until the job has run.
func TestAnExplanationSaysThatThePublishedScoreIsStale(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*shoptest.Shop, *scoring.Service, int64){
		"a late event": func(s *shoptest.Shop, _ *scoring.Service, pid int64) { view(s, 20260309, map[int64]int64{pid: 1}) },
		"other weights": func(s *shoptest.Shop, service *scoring.Service, _ int64) {
			if _, err := service.Change(s.T.Context(), scoring.Edit{View: set(7), Actor: "mina", Reason: "r"}, store.Unguarded{}); err != nil {
				s.T.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnSQLite(t, func(s *shoptest.Shop) {
				pid := s.Product(s.T, 1000, 1)
				service := service(s, new(ranks), at(noon))
				for _, day := range []clock.Day{20260309, 20260310} {
					view(s, day, map[int64]int64{pid: 5})
				}
				publish(s)
				change(s, service, pid)
				for _, stale := range []bool{true, false} {
					if e := explained(s, service, ranking.Weekly, 20260310, pid); e.Published.Stale != stale {
						s.T.Errorf("stale is %v: %+v", e.Published.Stale, e)
					}
					publish(s)
				}
			})
		})
	}
}

// All that is left of its days is their sum: they must not look like days without events.
func TestAPeriodWhoseDaysAreNotKeptIsNotExplained(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		pid := s.Product(s.T, 1000, 1)
		service := service(s, new(ranks), at(noon))
		view(s, 20240515, map[int64]int64{pid: 5})
		explained(s, service, ranking.Monthly, 20240501, pid)
		run(s, archive.Job(at(noon)))
		for _, kind := range ranking.Kinds() {
			if e, err := service.Explain(s.T.Context(), kind, 20240515, pid); !errors.Is(err, ranking.ErrNotKept) {
				s.T.Errorf("%s: %+v, %v", kind, e, err)
			}
		}
		if _, err := service.Explain(s.T.Context(), ranking.Daily, clock.DayOf(noon.Add(-24*time.Hour)), pid); err != nil {
			s.T.Error(err)
		}
	})
}
