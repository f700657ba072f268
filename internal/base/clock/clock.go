// Package clock holds the clock, which is passed to the code that needs the time, and
// business days in Asia/Seoul.
package clock

import (
	"fmt"
	"time"
)

// Clock returns the present time. Programs pass time.Now; tests and replays pass
// clocks of their own.
type Clock func() time.Time

// KST is Asia/Seoul: UTC+9. There has been no summer time since 1988, so no time
// zone database is needed.
var KST = time.FixedZone("KST", 9*60*60) //nolint:gochecknoglobals // a constant in all but its type

// Day is a business day: a date in Asia/Seoul as the number yyyymmdd. It sorts as
// dates do, and is easy to read in tables, keys and logs.
type Day int32

// DayOf returns the business day of a time.
func DayOf(t time.Time) Day {
	y, m, d := t.In(KST).Date()
	return Day(y*10000 + int(m)*100 + d) //nolint:gosec // the year has four digits
}

// FirstDay and LastDay are the first and the last day on which something can be counted,
// and for which somebody can ask. The weeks and months that they are in, and the days
// that are carried over into them, have days of eight digits, too.
const (
	FirstDay Day = 1900_01_01
	LastDay  Day = 2999_12_31
)

// ParseDay parses yyyyMMdd. It returns an error for a date that does not exist, and for
// one that is not between FirstDay and LastDay.
func ParseDay(s string) (Day, error) {
	t, err := time.ParseInLocation("20060102", s, KST)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date of the form yyyyMMdd", s)
	}
	if d := DayOf(t); d.Known() {
		return d, nil
	}
	return 0, fmt.Errorf("%q is not between %s and %s", s, FirstDay, LastDay)
}

// Known reports whether the day is between FirstDay and LastDay.
func (d Day) Known() bool { return FirstDay <= d && d <= LastDay }

// String returns yyyyMMdd.
func (d Day) String() string { return fmt.Sprintf("%08d", int32(d)) }

// Start returns the first moment of the day.
func (d Day) Start() time.Time {
	return time.Date(int(d)/10000, time.Month(int(d)/100%100), int(d)%100, 0, 0, 0, 0, KST)
}

// Add returns the day n days later, or earlier if n is negative. Every month has the days
// 1 to 28: from one of them to another one, no calendar is needed.
func (d Day) Add(n int) Day {
	if from := int(d) % 100; from <= 28 && 1 <= from+n && from+n <= 28 {
		return d + Day(n) //nolint:gosec // it is less than 28
	}
	return DayOf(d.Start().AddDate(0, 0, n))
}

// Until returns the days from d to last, both included; none if last is earlier.
func (d Day) Until(last Day) []Day {
	var days []Day
	for ; d <= last; d = d.Add(1) {
		days = append(days, d)
	}
	return days
}
