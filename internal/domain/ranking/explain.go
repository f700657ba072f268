package ranking

import (
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// Explanation is the score of a product in a period, day by day. The parts of the days
// add up to the score, to the last digit.
type Explanation struct {
	ProductID int64
	Period    Period
	Score     Points
	Days      []DayPart // oldest first
}

// DayPart is what a day has to do with a score.
type DayPart struct {
	Counters metric.Counters
	Weights  WeightsChange // in force on the day, with the change that set them
	// Views, Likes and Orders add up to the own score of the day.
	Views, Likes, Orders Points
	// In is what the day takes over of the live score of the day before, and Out what
	// the day after takes over. Live is the own score and In. In weeks and months
	// nothing is carried over.
	In, Live, Out Points
	// Part is the part of the score: what the score would lose without the day and
	// those before it, less what it would lose without those before it. So it has what
	// the truncating divisions after it have cut off.
	Part Points
}

// Own returns the score of the day alone.
func (d DayPart) Own() Points { return d.Views + d.Likes + d.Orders }

// Explain explains the score of a product in a period, from its counters. Days after
// today have no part.
func (s Schedule) Explain(p Period, today clock.Day, productID int64, rows []metric.Counters) Explanation {
	first, last := p.Counted()
	e := Explanation{ProductID: productID, Period: p, Days: s.dayParts(productID, first.Until(min(last, today)), rows)}
	if p.Kind == Daily {
		carryOver(e.Days)
	}
	for _, d := range e.Days {
		e.Score += d.Part
	}
	return e
}

// dayParts returns the days by themselves: the part of each is its own score.
func (s Schedule) dayParts(productID int64, days []clock.Day, rows []metric.Counters) []DayPart {
	byDay := make(map[clock.Day]metric.Counters, len(rows))
	for _, c := range rows {
		byDay[c.Day] = c
	}
	parts := make([]DayPart, len(days))
	for i, day := range days {
		c, set := byDay[day], s.On(day)
		c.ProductID, c.Day = productID, day
		d := DayPart{
			Counters: c, Weights: set,
			Views: Points(1000 * set.Weights.View * c.Views), Likes: Points(1000 * set.Weights.Like * c.Likes), Orders: Points(set.Weights.Order * c.AmountLog),
		}
		d.Live, d.Part = d.Own(), d.Own()
		parts[i] = d
	}
	return parts
}

// carryOver adds to each day what it takes over of the day before. Then the part of a day
// is the difference between the score of all days from it on, and of all days after it.
func carryOver(days []DayPart) {
	var after Points
	for i := len(days) - 1; i >= 0; i-- {
		from := fold(days[i:])
		days[i].Part = from - after
		after = from
	}
	for i := 1; i < len(days); i++ {
		days[i].In = days[i].carried(days[i-1].Live)
		days[i].Live = days[i].Own() + days[i].In
		days[i-1].Out = days[i].In
	}
}

// fold returns the live score of the last of the days, if there were no others.
func fold(days []DayPart) (live Points) {
	for _, d := range days {
		live = d.Own() + d.carried(live)
	}
	return live
}

// carried returns what the day takes over of a live score of the day before.
func (d DayPart) carried(live Points) Points { return Points(d.Weights.Weights.Carry) * live / 1000 }
