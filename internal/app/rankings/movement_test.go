package rankings_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// movements returns the rank before of each product of a page; 0 if it had none.
func movements(t *testing.T, p rankings.Page) map[int64]int64 {
	t.Helper()
	before := map[int64]int64{}
	for _, item := range p.Items {
		before[item.ProductID] = 0
		switch {
		case !item.Compared:
			t.Errorf("product %d is not compared", item.ProductID)
		case item.Previous != nil:
			before[item.ProductID] = *item.Previous
		}
	}
	return before
}

// week returns a query for the week of today, or weeks before.
func (s *env) week(before int) rankings.Query {
	p := ranking.PeriodOf(ranking.Weekly, s.today)
	for range before {
		p = p.Previous()
	}
	return rankings.Query{Period: p, Number: 1, Size: 10}
}

// Product 1 enters, 2 falls, 3 rises, 4 stays and 5 leaves; 11 is of another brand.
func TestMovementsCompareWithThePeriodBefore(t *testing.T) {
	t.Parallel()
	views := []map[int64]int64{{3: 900, 2: 800, 1: 700, 4: 600, 5: -1, 11: 500}, {5: 5, 2: 4, 11: 3, 4: 2, 3: 1}}
	before := []int64{5, 2, 11, 4, 3}
	now := []int64{3, 2, 1, 4, 11}
	for name, open := range map[string]func(s *env) rankings.Query{
		"today and yesterday on the board": func(s *env) rankings.Query {
			s.rebuild(s.today, s.today.Add(-1))
			return s.daily(0)
		},
		"yesterday in the table": func(s *env) rankings.Query {
			s.rebuild(s.today)
			s.publish(s.daily(1).Period, s.clock.now(), before...)
			return s.daily(0)
		},
		"today from the database": func(s *env) rankings.Query {
			s.publish(s.daily(1).Period, s.clock.now(), before...)
			return s.daily(0)
		},
		"old days": func(s *env) rankings.Query {
			s.publish(s.daily(11).Period, s.clock.now(), before...)
			s.publish(s.daily(10).Period, s.clock.now(), now...)
			return s.daily(10)
		},
		"weeks": func(s *env) rankings.Query {
			s.publish(s.week(1).Period, s.clock.now(), before...)
			s.publish(s.week(0).Period, s.clock.now(), now...)
			return s.week(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := embedded(t)
			s.count(0, views[0])
			s.count(1, views[1])
			q := open(s)
			all := s.read(q)
			if diff := cmp.Diff(map[int64]int64{3: 5, 2: 2, 1: 0, 4: 4, 11: 3}, movements(t, all)); diff != "" && q.Period.First != s.today {
				t.Error(diff)
			} else if got := movements(t, all); got[3] != 5 || got[2] != 2 || got[1] != 0 || got[4] != 4 {
				t.Errorf("movements %v", got)
			}
			q.BrandID = 1 // the products 1 to 9
			if got := movements(t, s.read(q)); got[3] != 4 || got[2] != 2 || got[1] != 0 || got[4] != 3 {
				t.Errorf("movements within the brand %v", got)
			}
		})
	}
}

func TestThereIsNoMovementWithoutARankingBefore(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(1, map[int64]int64{1: 3})
	s.count(8, map[int64]int64{1: 3})
	s.rebuild(s.today) // and not yesterday
	if item := s.read(s.daily(0)).Items[0]; item.Compared || item.Previous != nil {
		t.Errorf("%+v", item)
	}
	s.publish(s.week(0).Period, s.clock.now(), 1)
	if item := s.read(s.week(0)).Items[0]; item.Compared {
		t.Errorf("%+v", item)
	}
}

func TestInTheFirstPeriodOfTheShopEveryProductIsNew(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.rebuild(s.today)
	s.publish(s.week(0).Period, s.clock.now(), 1)
	for _, q := range []rankings.Query{s.daily(0), s.week(0)} {
		if item := s.read(q).Items[0]; !item.Compared || item.Previous != nil {
			t.Errorf("%s: %+v", q.Period.Kind, item)
		}
	}
}
