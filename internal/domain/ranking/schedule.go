package ranking

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// WeightsChange is a change of the weights, with who made it, when and why.
type WeightsChange struct {
	ID      int64 // grows by one with each change; 0 is that of the default weights
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
	s := Schedule{changes: slices.Clone(changes)}
	slices.SortStableFunc(s.changes, func(a, b WeightsChange) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

// ReadSchedule reads the schedule.
func ReadSchedule(ctx context.Context, t WeightsTable) (Schedule, error) {
	changes, err := t.Changes(ctx)
	return NewSchedule(changes...), err
}

// On returns the change that is in force at the end of a day.
func (s Schedule) On(day clock.Day) WeightsChange {
	for _, c := range slices.Backward(s.changes) {
		if clock.DayOf(c.At) <= day {
			return c
		}
	}
	return WeightsChange{Weights: DefaultWeights()}
}

// Latest returns the newest change.
func (s Schedule) Latest() WeightsChange {
	if len(s.changes) == 0 {
		return WeightsChange{Weights: DefaultWeights()}
	}
	return s.changes[len(s.changes)-1]
}

// Generation returns the id of the newest change that has a part in the live score of a
// day. As changes are added one after another, and none before an older one, two
// schedules of the same generation score the day alike, and of two generations the
// greater one is newer.
func (s Schedule) Generation(day clock.Day) int64 { return s.On(day).ID }

// Stamp names the weights that the board of a day is made with. It has the generation,
// too: after weights have been changed and changed back, the board is made again, because
// somebody may have written scores by the weights in between. Without a change, it is the
// stamp of programs that know only one set of weights.
func (s Schedule) Stamp(day clock.Day) string {
	stamp := s.Fingerprint(PeriodOf(Daily, day))
	if g := s.Generation(day); g > 0 {
		stamp = fmt.Sprintf("%s@%d", stamp, g)
	}
	return stamp
}

// Trial returns the schedule as if the weights were in force at the end of a day.
func (s Schedule) Trial(day clock.Day, w Weights) Schedule {
	end := day.Add(1).Start()
	trial := Schedule{changes: slices.DeleteFunc(slices.Clone(s.changes), func(c WeightsChange) bool { return !c.At.Before(end) })}
	trial.changes = append(trial.changes, WeightsChange{ID: math.MaxInt64, Weights: w, At: end.Add(-1)})
	return trial
}

// Score computes the score of a product from its counters on the days from day - Window
// to day, each scored and carried over by the weights of its own day:
//
//	live(day) = own(day) + carry(day) x live(day - 1)
//
// Counters of other days are ignored.
func (s Schedule) Score(day clock.Day, rows []metric.Counters) Score {
	var sum Score
	for d := day.Add(-Window); d <= day; d = d.Add(1) {
		c, w := on(d, rows), s.On(d).Weights
		sum.Own = w.Own(c)
		sum.Live = sum.Own + w.Carry*sum.Live/1000
		sum.Version += c.Version
		sum.ProductID = max(sum.ProductID, c.ProductID)
	}
	return sum
}

// on returns the last counters of a day; zero if there are none. A product has few rows,
// so that to look at each is faster than a map.
func on(day clock.Day, rows []metric.Counters) metric.Counters {
	for _, c := range slices.Backward(rows) {
		if c.Day == day {
			return c
		}
	}
	return metric.Counters{}
}

// Fingerprint names the weights that have a part in the scores of a period. Scores with
// the same fingerprint and the same counters are the same.
func (s Schedule) Fingerprint(p Period) string {
	first, last := p.Counted()
	var name strings.Builder
	var before Weights
	for _, d := range first.Until(last) {
		w := s.On(d).Weights
		switch {
		case d == first:
		case w != before:
			fmt.Fprintf(&name, ",%s:", d) // the day, too: on another day, the same change gives other scores
		default:
			continue
		}
		fmt.Fprintf(&name, "%d/%d/%d/%d", w.View, w.Like, w.Order, w.Carry)
		before = w
	}
	return name.String()
}

// WeightsTable keeps the changes of the weights.
type WeightsTable interface {
	// Changes returns all changes, oldest first. There are few.
	Changes(ctx context.Context) ([]WeightsChange, error)
	// Add adds a change and returns its id. If the clock of the process is behind that
	// of the one that made the last change, the time of that one is stored: changes
	// are in the order of their times. Others that add one wait until the transaction
	// ends.
	Add(ctx context.Context, c WeightsChange) (id int64, err error)
}
