package api

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Dated are the parameters that name the period of a ranking. The type is exported because huma ignores
// unexported embedded fields.
type Dated struct {
	Period string `query:"period" doc:"daily, weekly (ISO 8601, from Monday) or monthly; the default is daily."`
	Date   string `query:"date" doc:"A day of the period, in Asia/Seoul as yyyyMMdd; the default is today." example:"20260131"`
}

// read returns the kind of the period, and the day.
func (in *Dated) read(now time.Time) (kind ranking.Kind, day clock.Day, err error) {
	if kind, err = ranking.ParseKind(in.Period); err != nil {
		return "", 0, err
	}
	day, err = dayOrToday(in.Date, now)
	return kind, day, err
}

// dayOrToday parses a day; if the text is empty, it is today.
func dayOrToday(text string, now time.Time) (clock.Day, error) {
	if text == "" {
		return clock.DayOf(now), nil
	}
	day, err := clock.ParseDay(text)
	if err != nil {
		return 0, ranking.ErrDate.Because("%v", err)
	}
	return day, nil
}
