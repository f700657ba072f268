package rankings_test

import (
	"errors"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

func TestRanksOfABrandAreThoseWithinTheBrand(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 1, 2: 5, 3: 5, 11: 9, 12: 2})
	asOf := s.clock.now()
	s.publish(s.week(0).Period, asOf, 11, 3, 2, 12, 1)
	for brand, want := range map[int64][]int64{1: {3, 2, 1}, 2: {11, 12}, 3: nil} {
		daily, weekly := s.daily(0), s.week(0)
		daily.BrandID, weekly.BrandID = brand, brand
		s.demand(daily, rankings.FromDatabase, want...)
		s.demand(weekly, rankings.FromTable, want...)
	}
	s.rebuild(s.today)
	s.clock.advance(time.Second) // "not complete" is remembered for a second
	for brand, want := range map[int64][]int64{1: {3, 2, 1}, 2: {11, 12}, 3: nil} {
		daily := s.daily(0)
		daily.BrandID = brand
		s.demand(daily, rankings.FromBoard, want...)
	}
	second := s.daily(0)
	second.BrandID, second.Number, second.Size = 1, 2, 2
	s.demand(second, rankings.FromBoard, 1)
}

func TestABrandOfManyProductsIsRankedWhole(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.db.brands.last = 100 + 2500
	views := map[int64]int64{}
	for pid := int64(101); pid <= s.db.brands.last; pid++ {
		views[pid] = pid
	}
	s.count(0, views)
	q := s.daily(0)
	q.BrandID, q.Size, q.Number = 9, 2, 1250
	s.demand(q, rankings.FromDatabase, 102, 101)
	s.rebuild(s.today)
	s.clock.advance(time.Second)
	if p := s.demand(q, rankings.FromBoard, 102, 101); p.HasMore {
		t.Error("there are more")
	}
}

func TestABrandThatDoesNotExistIsRefused(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	for _, q := range []rankings.Query{s.daily(0), s.week(0), s.daily(-3)} {
		q.BrandID = 10
		if _, err := s.reader.Read(t.Context(), q); !errors.Is(err, product.ErrBrandNotFound) {
			t.Errorf("%v", err)
		}
	}
}
