package batch

import (
	"fmt"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// When is a rule for due times, in Asia/Seoul whatever the zone of the machine. The zero
// When is never due.
type When struct {
	every time.Duration // since midnight of 1 January 1970, in Asia/Seoul
	after time.Duration // how much later
}

const day = 24 * time.Hour

// Every returns a rule that is due at each multiple of a duration since midnight.
func Every(d time.Duration) When { return When{every: max(d, time.Second)} }

// DailyAt returns a rule that is due once a day, in Asia/Seoul.
func DailyAt(hour, minute int) When {
	return When{day, time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute}
}

// ParseWhen parses "every 10m", "every 1h", "daily at 00:05" or "off".
func ParseWhen(text string) (When, error) {
	rule, value, _ := strings.Cut(text, " ")
	switch {
	case text == "off":
		return When{}, nil
	case rule == "every":
		every, err := time.ParseDuration(value)
		if err == nil && every >= time.Second {
			return Every(every), nil
		}
	case rule == "daily":
		at, err := time.Parse("at 15:04", value)
		if err == nil {
			return DailyAt(at.Hour(), at.Minute()), nil
		}
	}
	return When{}, fmt.Errorf(`%q is no rule for due times: give "every 10m", "daily at 00:05" or "off"`, text)
}

// String returns the form that ParseWhen parses.
func (w When) String() string {
	switch {
	case w.Off():
		return "off"
	case w.every == day:
		return "daily at " + time.Time{}.Add(w.after).Format("15:04")
	default:
		return "every " + short(w.every)
	}
}

// short returns a duration without the zeros at its end: 1h instead of 1h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Off reports whether it is never due.
func (w When) Off() bool { return w.every == 0 }

// Last returns the last due time that is not after now.
func (w When) Last(now time.Time) time.Time {
	base := time.Date(1970, time.January, 1, 0, 0, 0, 0, clock.KST).Add(w.after)
	since := now.Sub(base)
	return now.Add(-((since%w.every + w.every) % w.every)).In(clock.KST)
}

// Next returns the first due time after now.
func (w When) Next(now time.Time) time.Time { return w.Last(now).Add(w.every) }
