package clock_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// day draws a business day between 1900 and 2200.
func day(t *rapid.T) clock.Day {
	return clock.Day(19000101).Add(rapid.IntRange(0, 300*365).Draw(t, "day"))
}

func TestADayBeginsAtMidnightInSeoul(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]clock.Day{
		"2026-03-09T14:59:59.999999999Z": 20260309,
		"2026-03-09T15:00:00Z":           20260310,
		"2026-03-10T14:59:59Z":           20260310,
		"2025-12-31T15:00:00Z":           20260101,
		"2026-03-10T00:00:00+09:00":      20260310,
		"2026-03-09T20:00:00-05:00":      20260310,
	} {
		moment, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := clock.DayOf(moment); got != want {
			t.Errorf("DayOf(%s) = %s, want %s", at, got, want)
		}
	}
}

func TestParseDayReturnsTheDayOfItsString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := day(t)
		if got, err := clock.ParseDay(d.String()); err != nil || got != d {
			t.Errorf("ParseDay(%q) = %s, %v", d, got, err)
		}
	})
}

func TestDatesThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "2026", "20260229", "20261301", "20260100", "2026-03-10", "202603100", " 20260310", "2026031x", "-2026031", "00000101", "00010101", "18991231", "30000101", "99991231"} {
		if d, err := clock.ParseDay(s); err == nil {
			t.Errorf("ParseDay(%q) = %s", s, d)
		}
	}
	for _, want := range []clock.Day{20240229, clock.FirstDay, clock.LastDay} {
		if d, err := clock.ParseDay(want.String()); err != nil || d != want {
			t.Errorf("%s is %s, %v", want, d, err)
		}
	}
}

func TestADayLastsFromItsStartToTheNext(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := day(t)
		length := d.Add(1).Start().Sub(d.Start())
		if length != 24*time.Hour { // no summer time
			t.Errorf("%s lasts %v", d, length)
		}
		within := time.Duration(rapid.Int64Range(0, int64(length)-1).Draw(t, "within"))
		if got := clock.DayOf(d.Start().Add(within)); got != d {
			t.Errorf("%v into %s it is %s", within, d, got)
		}
	})
}

func TestAddIsReversibleAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, n := day(t), rapid.IntRange(-1000, 1000).Draw(t, "days")
		if back := d.Add(n).Add(-n); back != d {
			t.Errorf("%s + %d - %d = %s", d, n, n, back)
		}
		if later := d.Add(n); (later > d) != (n > 0) || (later < d) != (n < 0) {
			t.Errorf("%s + %d = %s", d, n, later)
		}
	})
}

func TestUntilReturnsEveryDayOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, n := day(t), rapid.IntRange(-3, 800).Draw(t, "days")
		days := d.Until(d.Add(n))
		if len(days) != max(0, n+1) || !slices.IsSorted(days) {
			t.Fatalf("%d days from %s until %d days later", len(days), d, n)
		}
		for i, each := range days {
			if each != d.Add(i) {
				t.Fatalf("the %d-th day after %s is %s", i, d, each)
			}
		}
	})
}
