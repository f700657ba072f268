package ranking

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Kind is the length of a period.
type Kind string

// The kinds of periods.
const (
	Daily   Kind = "daily"
	Weekly  Kind = "weekly"
	Monthly Kind = "monthly"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Daily, Weekly, Monthly} }

// ParseKind returns the kind with a name, or ErrPeriod. An empty name is Daily.
func ParseKind(s string) (Kind, error) {
	if s == "" {
		return Daily, nil
	}
	if k := Kind(s); slices.Contains(Kinds(), k) {
		return k, nil
	}
	return "", ErrPeriod
}

// Period is a day, an ISO 8601 week (Monday to Sunday) or a month, in Asia/Seoul.
type Period struct {
	Kind        Kind
	First, Last clock.Day
}

// PeriodOf returns the period of a kind that a day is in.
func PeriodOf(kind Kind, day clock.Day) Period {
	switch start := day.Start(); kind {
	case Weekly:
		monday := day.Add(-(int(start.Weekday()) + 6) % 7)
		return Period{kind, monday, monday.Add(6)}
	case Monthly:
		first := clock.DayOf(start.AddDate(0, 0, 1-start.Day()))
		return Period{kind, first, clock.DayOf(first.Start().AddDate(0, 1, -1))}
	default:
		return Period{Daily, day, day}
	}
}

// Key names the period among those of its kind: 20261128, 2026-W48 or 2026-11. Keys
// sort as their periods do. The year of a week is the one that ISO 8601 gives it: the
// week of 29 December 2025 is 2026-W01.
func (p Period) Key() string {
	switch start := p.First.Start(); p.Kind {
	case Weekly:
		year, week := start.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	case Monthly:
		return start.Format("2006-01")
	default:
		return p.First.String()
	}
}

// ParsePeriod returns the period of a kind with a key, or ErrPeriod.
func ParsePeriod(kind Kind, key string) (Period, error) {
	day, err := clock.ParseDay(strings.ReplaceAll(key, "-", "") + map[Kind]string{Monthly: "01"}[kind])
	if kind == Weekly {
		var year, week int
		_, err = fmt.Sscanf(key, "%04d-W%02d", &year, &week)
		day = PeriodOf(Weekly, clock.Day(year*10000+104)).First.Add(7 * (week - 1)) //nolint:gosec // 4 January of a year of four digits, which is in week 1
	}
	if p := PeriodOf(kind, day); err == nil && p.Key() == key {
		return p, nil
	}
	return Period{}, ErrPeriod.Because("%.20q is not a %s period", key, kind)
}

// Previous returns the period before.
func (p Period) Previous() Period { return PeriodOf(p.Kind, p.First.Add(-1)) }

// Next returns the period after.
func (p Period) Next() Period { return PeriodOf(p.Kind, p.Last.Add(1)) }

// Days returns the days of the period.
func (p Period) Days() []clock.Day { return p.First.Until(p.Last) }

// End returns the first moment after the period.
func (p Period) End() time.Time { return p.Last.Add(1).Start() }

// Counted returns the days whose counters have a part in the scores of the period: its
// own days and, for a day, those that are carried over into it.
func (p Period) Counted() (first, last clock.Day) {
	if p.Kind == Daily {
		return p.First.Add(-Window), p.Last
	}
	return p.First, p.Last
}
