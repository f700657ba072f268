package ranking

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// WeightsChange is a change of the weights, with who made it, when and why.
type WeightsChange struct {
	ID      int64 // grows with time; 0 is that of the default weights
	Weights Weights
	At      time.Time
	Actor   string
	Reason  string
}

// Schedule says which weights score which day: those in force at its end. The current
// day is scored by the current weights.
type Schedule struct{ changes []WeightsChange } // oldest first

// NewSchedule returns a schedule of changes. Before the first one, the default weights
// are in force.
func NewSchedule(changes ...WeightsChange) Schedule {
	s := Schedule{changes: append([]WeightsChange{{Weights: DefaultWeights()}}, changes...)}
	slices.SortStableFunc(s.changes, func(a, b WeightsChange) int { return int(a.ID - b.ID) })
	return s
}

// On returns the change that is in force at the end of a day.
func (s Schedule) On(day clock.Day) WeightsChange {
	found, end := WeightsChange{Weights: DefaultWeights()}, day.Add(1).Start()
	for _, c := range s.changes {
		if c.At.Before(end) {
			found = c
		}
	}
	return found
}

// Latest returns the newest change.
func (s Schedule) Latest() WeightsChange {
	return s.On(99991230)
}

// Score computes the score of a product from its counters on the days from day - Window
// to day, each scored and carried over by the weights of its own day:
//
//	live(day) = own(day) + carry(day) x live(day - 1)
//
// Counters of other days are ignored.
func (s Schedule) Score(day clock.Day, rows []metric.Counters) Score {
	byDay := make(map[clock.Day]metric.Counters, len(rows))
	for _, c := range rows {
		byDay[c.Day] = c
	}
	var sum Score
	for _, d := range day.Add(-Window).Until(day) {
		c, w := byDay[d], s.On(d).Weights
		sum.Own = w.Own(c)
		sum.Live = sum.Own + w.Carry*sum.Live/1000
		sum.Version += c.Version
		sum.ProductID = max(sum.ProductID, c.ProductID)
	}
	return sum
}

// Fingerprint names the weights that have a part in the scores of a period. Scores with
// the same fingerprint and the same counters are the same.
func (s Schedule) Fingerprint(p Period) string {
	first, last := p.Counted()
	var parts []string
	for _, d := range first.Until(last) {
		w := s.On(d).Weights
		part := fmt.Sprintf("%d/%d/%d/%d", w.View, w.Like, w.Order, w.Carry)
		if len(parts) == 0 || parts[len(parts)-1] != part {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ",")
}

// WeightsTable keeps the changes of the weights.
type WeightsTable interface {
	// Changes returns all changes, oldest first. There are few.
	Changes(ctx context.Context) ([]WeightsChange, error)
	// Add adds a change and returns its id. Others that add one wait until the
	// transaction ends.
	Add(ctx context.Context, c WeightsChange) (id int64, err error)
}
