package ranking_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func TestPeriodsOfDaysThatAreEasyToGetWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind        ranking.Kind
		day         clock.Day
		key         string
		first, last clock.Day
	}{
		{ranking.Daily, 20261128, "20261128", 20261128, 20261128},
		{ranking.Weekly, 20251228, "2025-W52", 20251222, 20251228},
		{ranking.Weekly, 20251229, "2026-W01", 20251229, 20260104}, // week 1 begins in the year before
		{ranking.Weekly, 20260104, "2026-W01", 20251229, 20260104},
		{ranking.Weekly, 20261231, "2026-W53", 20261228, 20270103}, // a year of 53 weeks
		{ranking.Weekly, 20270103, "2026-W53", 20261228, 20270103},
		{ranking.Weekly, 20270104, "2027-W01", 20270104, 20270110},
		{ranking.Weekly, 20201231, "2020-W53", 20201228, 20210103},
		{ranking.Weekly, 20240101, "2024-W01", 20240101, 20240107}, // a year that begins on a Monday
		{ranking.Monthly, 20260215, "2026-02", 20260201, 20260228},
		{ranking.Monthly, 20240229, "2024-02", 20240201, 20240229},
		{ranking.Monthly, 19000228, "1900-02", 19000201, 19000228}, // no leap year
		{ranking.Monthly, 20000229, "2000-02", 20000201, 20000229}, // a leap year
		{ranking.Monthly, 20260430, "2026-04", 20260401, 20260430},
		{ranking.Monthly, 20261231, "2026-12", 20261201, 20261231},
		{ranking.Monthly, 20260131, "2026-01", 20260101, 20260131},
	} {
		p := ranking.PeriodOf(c.kind, c.day)
		if want := (ranking.Period{Kind: c.kind, First: c.first, Last: c.last}); p != want || p.Key() != c.key {
			t.Errorf("the %s period of %s is %s, %+v; want %s, %+v", c.kind, c.day, p.Key(), p, c.key, want)
		}
	}
}

func TestPeriodsTileTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(ranking.Kinds()).Draw(t, "kind")
		day := clock.Day(19000101).Add(rapid.IntRange(0, 300*365).Draw(t, "day"))
		p := ranking.PeriodOf(kind, day)
		if day < p.First || day > p.Last {
			t.Errorf("%s is not in its period %+v", day, p)
		}
		for _, d := range p.Days() {
			if ranking.PeriodOf(kind, d) != p {
				t.Errorf("%s is in another period than %s", d, day)
			}
		}
		if next := p.Next(); next.First != p.Last.Add(1) || next.Previous() != p || next.Key() <= p.Key() || !p.End().Equal(next.First.Start()) {
			t.Errorf("%+v is followed by %+v", p, next)
		}
		if n, want := len(p.Days()), map[ranking.Kind]int{ranking.Daily: 1, ranking.Weekly: 7}[kind]; want > 0 && n != want || n > 31 || kind == ranking.Monthly && n < 28 {
			t.Errorf("%+v has %d days", p, n)
		}
		if kind == ranking.Weekly && p.First.Start().Weekday() != time.Monday {
			t.Errorf("%+v begins on a %s", p, p.First.Start().Weekday())
		}
		if parsed, err := ranking.ParsePeriod(kind, p.Key()); err != nil || parsed != p {
			t.Errorf("%q is %+v, %v", p.Key(), parsed, err)
		}
	})
}

func TestCountedDaysAreThoseThatAScoreIsMadeOf(t *testing.T) {
	t.Parallel()
	for kind, want := range map[ranking.Kind][2]clock.Day{
		ranking.Daily: {20260223, 20260302}, ranking.Weekly: {20260302, 20260308}, ranking.Monthly: {20260301, 20260331},
	} {
		if first, last := ranking.PeriodOf(kind, 20260302).Counted(); first != want[0] || last != want[1] {
			t.Errorf("%s: %s to %s, want %v", kind, first, last, want)
		}
	}
}

func TestOtherKeysAreNoPeriods(t *testing.T) {
	t.Parallel()
	for key, kind := range map[string]ranking.Kind{
		"": ranking.Daily, "20260229": ranking.Daily, "2026-03-01": ranking.Daily, "2025-W53": ranking.Weekly, "2026-W00": ranking.Weekly,
		"2026-W1": ranking.Weekly, "2026-W01x": ranking.Weekly, "2026W01": ranking.Weekly, "2026-13": ranking.Monthly, "202603": ranking.Monthly,
		"2026-3": ranking.Monthly, "2026": ranking.Monthly,
	} {
		if p, err := ranking.ParsePeriod(kind, key); !errors.Is(err, ranking.ErrPeriod) {
			t.Errorf("%q is %+v, %v", key, p, err)
		}
	}
}

func TestRangesTileAllProducts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, last := rapid.IntRange(1, 64).Draw(t, "n"), rapid.Int64Range(0, 1<<40).Draw(t, "last")
		after := int64(0)
		for i := range n {
			r := ranking.RangeOf(i, n, last)
			if r.After != after || r.Last < r.After {
				t.Errorf("range %d is %+v, the one before ends at %d", i, r, after)
			}
			after = r.Last
		}
		if after != 1<<63-1 {
			t.Errorf("the last range ends at %d", after)
		}
	})
}

func TestAScheduleIsCutAtAChange(t *testing.T) {
	t.Parallel()
	var changes []ranking.WeightsChange
	for id := range int64(3) {
		changes = append(changes, ranking.WeightsChange{ID: id + 1, At: day.Add(int(id)).Start(), Weights: ranking.Weights{View: id + 1}})
	}
	all := ranking.NewSchedule(changes...)
	for id, want := range map[int64]int64{0: 100, 1: 1, 2: 2, 3: 3, 9: 3} {
		if got := all.UpTo(id).On(day.Add(9)).Weights.View; got != want {
			t.Errorf("up to change %d a view has the weight %d, want %d", id, got, want)
		}
	}
}
