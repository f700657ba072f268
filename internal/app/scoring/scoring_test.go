package scoring_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// ranks is a board.
type ranks struct {
	rank  *int64
	err   error
	asked []clock.Day
}

func (r *ranks) Rank(_ context.Context, day clock.Day, _ int64) (*int64, error) {
	r.asked = append(r.asked, day)
	return r.rank, r.err
}

// noon of 10 March 2026 in Seoul, a Tuesday.
var noon = clock.Day(20260310).Start().Add(12 * time.Hour)

func at(t time.Time) clock.Clock { return func() time.Time { return t } }

func service(s *shoptest.Shop, r *ranks, now clock.Clock) *scoring.Service {
	return scoring.New(s.DB, r, now, slog.New(slog.DiscardHandler))
}

func set(n int64) *ranking.Thousandths {
	t := ranking.Thousandths(n)
	return &t
}

func TestEditsOfDifferentWeightsAtOnceAllCount(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		service, who := service(s, nil, time.Now), scoring.Edit{Actor: "mina", Reason: "why not"}
		edits := []scoring.Edit{who, who, who, who}
		edits[0].View, edits[1].Like, edits[2].Order, edits[3].Carry = set(1), set(2), set(3), set(4)
		for _, err := range shoptest.AtOnce(4, func(i int) error {
			_, err := service.Change(s.T.Context(), edits[i], store.Unguarded{})
			return err
		}) {
			if err != nil {
				s.T.Error(err)
			}
		}
		c, err := service.Current(s.T.Context())
		if want := (ranking.Weights{View: 1, Like: 2, Order: 3, Carry: 4}); err != nil || c.Weights != want || c.ID != 4 {
			s.T.Errorf("after four edits there is %+v, %v, want %v", c, err, want)
		}
	})
}

// overtaken is a database in which another change is made after an edit has read the weights.
type overtaken struct {
	store.DB
	overtake func()
}

func (d overtaken) Update(ctx context.Context, fn func(store.Tx) error) error {
	return d.DB.Update(ctx, func(tx store.Tx) error {
		tx.Weights = overtakenWeights{tx.Weights, d.overtake}
		return fn(tx)
	})
}

type overtakenWeights struct {
	ranking.WeightsTable
	overtake func()
}

func (w overtakenWeights) Changes(ctx context.Context) ([]ranking.WeightsChange, error) {
	changes, err := w.WeightsTable.Changes(ctx)
	w.overtake()
	return changes, err
}

func TestAnEditDoesNotTakeBackOneThatOvertakesIt(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		other, times := service(s, nil, time.Now), 0
		db := overtaken{s.DB, func() {
			times++
			if times > 1 || strings.HasSuffix(s.T.Name(), "sqlite") {
				return // on SQLite a writer has the whole file, so nothing overtakes it
			}
			if _, err := other.Change(s.T.Context(), scoring.Edit{Like: set(2), Actor: "jun", Reason: "first"}, store.Unguarded{}); err != nil {
				s.T.Error(err)
			}
		}}
		edit := scoring.Edit{View: set(1), Actor: "mina", Reason: "second"}
		made, err := scoring.New(db, nil, time.Now, slog.New(slog.DiscardHandler)).Change(s.T.Context(), edit, store.Unguarded{})
		if err != nil || made.Weights.View != 1 {
			s.T.Errorf("%+v, %v", made, err)
		}
		if overtook := made.ID == 2; overtook && made.Weights.Like != 2 {
			s.T.Errorf("the edit took back the one before: %+v", made)
		}
	})
}

func TestAChangeSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		var log bytes.Buffer
		service := scoring.New(s.DB, nil, at(noon), slog.New(slog.NewTextHandler(&log, nil)))
		for _, e := range []scoring.Edit{{Actor: "mina", Reason: " "}, {Reason: "r"}, {Actor: "mina", Reason: strings.Repeat("가", 501)}} {
			if _, err := service.Change(s.T.Context(), e, store.Unguarded{}); !errors.Is(err, fault.ErrValidation) {
				s.T.Errorf("%+v: %v", e, err)
			}
		}
		if log.Len() > 0 {
			s.T.Errorf("logged %s", &log)
		}
		made, err := service.Change(s.T.Context(), scoring.Edit{View: set(7), Actor: "mina", Reason: strings.Repeat("가", 500)}, store.Unguarded{})
		if err != nil || !made.At.Equal(noon) || made.Weights.Like != ranking.DefaultWeights().Like {
			s.T.Errorf("%+v, %v", made, err)
		}
		if !strings.Contains(log.String(), "actor=mina") || !strings.Contains(log.String(), "view=0.007") {
			s.T.Errorf("logged %s", &log)
		}
	})
}

func TestARankIsShownWhereALiveRankingHasIt(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		pid, third := s.Product(s.T, 1000, 1), int64(3)
		board := &ranks{rank: &third}
		service := service(s, board, at(noon))
		for _, c := range []struct {
			kind ranking.Kind
			day  clock.Day
			rank bool
		}{
			{ranking.Daily, 20260310, true}, {ranking.Daily, 20260303, true}, {ranking.Daily, 20260302, false},
			{ranking.Weekly, 20260310, false}, {ranking.Monthly, 20260310, false},
		} {
			if e, err := service.Explain(s.T.Context(), c.kind, c.day, pid); err != nil || (e.Rank() != nil) != c.rank {
				s.T.Errorf("%s %s: rank %v, %v", c.kind, c.day, e.Rank(), err)
			}
		}
		board.rank, board.err = nil, errors.New("away")
		if e, err := service.Explain(s.T.Context(), ranking.Daily, 20260310, pid); err != nil || e.Rank() != nil {
			s.T.Errorf("without the board: rank %v, %v", e.Rank(), err)
		}
	})
}

func TestWhatIsExplainedIsTheScoreInTheRanking(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		pid := s.Product(s.T, 1000, 1)
		service := service(s, new(ranks), at(noon))
		err := s.DB.Update(s.T.Context(), func(tx store.Tx) error {
			var rows []metric.Counters
			for i, d := range clock.Day(20260302).Until(20260311) {
				rows = append(rows, metric.Counters{ProductID: pid, Day: d, Views: int64(7*i + 1), Likes: int64(3 - i), AmountLog: int64(9_211 * i)})
			}
			tx.Metrics.Add(rows)
			return nil
		})
		if err != nil {
			s.T.Fatal(err)
		}
		if _, err := service.Change(s.T.Context(), scoring.Edit{View: set(333), Carry: set(777), Actor: "mina", Reason: "r"}, store.Unguarded{}); err != nil {
			s.T.Fatal(err)
		}
		for _, day := range []clock.Day{20260309, 20260310} {
			var top []ranking.Entry
			err := s.DB.View(s.T.Context(), func(tx store.Tx) error {
				schedule, err := ranking.ReadSchedule(s.T.Context(), tx.Weights)
				if err == nil {
					top, err = tx.Ranking.Top(s.T.Context(), schedule, day, 0, 1)
				}
				return err
			})
			e, wrong := service.Explain(s.T.Context(), ranking.Daily, day, pid)
			if err != nil || wrong != nil || len(top) != 1 || top[0].Score != e.Score {
				s.T.Errorf("%s: explained is %s (%v), the ranking has %v (%v)", day, e.Score, wrong, top, err)
			}
		}
		if _, err := service.Explain(s.T.Context(), ranking.Daily, 20260311, pid); !errors.Is(err, ranking.ErrDate) {
			s.T.Errorf("tomorrow: %v", err)
		}
		if _, err := service.Explain(s.T.Context(), ranking.Daily, 20260310, pid+1); !errors.Is(err, product.ErrNotFound) {
			s.T.Errorf("a product that does not exist: %v", err)
		}
	})
}
