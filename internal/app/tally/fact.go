package tally

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// fact is an event as far as it counts.
type fact struct {
	id     id.ID
	counts []metric.Counters
}

// read returns what the batch says about products. Events that say nothing of
// the kind, or that this program does not know, are passed over.
func read(batch []event.Opened) ([]fact, error) {
	facts := make([]fact, 0, len(batch))
	for _, o := range batch {
		counts, err := countersOf(o)
		if err == nil {
			err = checkDays(counts)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s: %w", event.ErrUnreadable, o.Type, o.ID, err)
		}
		if len(counts) > 0 {
			facts = append(facts, fact{o.ID, counts})
		}
	}
	return facts, nil
}

// checkDays refuses days that counters cannot be kept of: those whose year has
// not four digits in Asia/Seoul.
func checkDays(counts []metric.Counters) error {
	for _, c := range counts {
		if c.Day < firstDay || c.Day > lastDay {
			return fmt.Errorf("nothing can be counted on the day %s", c.Day)
		}
	}
	return nil
}

const firstDay, lastDay clock.Day = 1_01_01, 9999_12_31

// countersOf returns what one event adds, and to which day: that of the event,
// except that an order counts, and is taken back, on the day it was paid.
func countersOf(o event.Opened) ([]metric.Counters, error) {
	day := clock.DayOf(o.Time)
	switch e := o.Event.(type) {
	case event.ProductViewed:
		return []metric.Counters{{ProductID: e.ProductID, Day: day, Views: 1}}, nil
	case event.ProductLiked:
		return []metric.Counters{{ProductID: e.ProductID, Day: day, Likes: 1}}, nil
	case event.ProductUnliked:
		return []metric.Counters{{ProductID: e.ProductID, Day: day, Likes: -1}}, nil
	case event.OrderPaid:
		return sold(e.Lines, clock.DayOf(e.PaidAt))
	case event.OrderCancelled:
		return takenBack(e.Lines, e.PaidAt)
	default:
		return nil, nil
	}
}

// sold counts order lines. Their sum is bounded as an order's is, so that sums
// over a whole batch stay well inside 64 bits.
func sold(lines []event.Line, day clock.Day) ([]metric.Counters, error) {
	counts := make([]metric.Counters, len(lines))
	var amount, pieces money.Won
	for i, l := range lines {
		sum, err := money.Won(l.UnitPrice).Times(l.Quantity)
		if err == nil {
			amount, err = amount.Plus(sum)
		}
		if err == nil {
			pieces, err = pieces.Plus(money.Won(l.Quantity))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i, err)
		}
		counts[i] = metric.Sale(l.ProductID, day, l.Quantity, money.Won(l.UnitPrice))
	}
	return counts, nil
}

func takenBack(lines []event.Line, paidAt *time.Time) ([]metric.Counters, error) {
	if paidAt == nil { // it never counted
		return nil, nil
	}
	counts, err := sold(lines, clock.DayOf(*paidAt))
	for i := range counts {
		counts[i] = counts[i].Minus()
	}
	return counts, err
}

// sorted returns the sums that are not zero, by product and day.
func sorted(sums map[place]metric.Counters) []metric.Counters {
	deltas := make([]metric.Counters, 0, len(sums))
	for at, c := range sums {
		if c != (metric.Counters{ProductID: at.product, Day: at.day}) {
			deltas = append(deltas, c)
		}
	}
	slices.SortFunc(deltas, func(a, b metric.Counters) int {
		return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.Day, b.Day))
	})
	return deltas
}

func nonzero(likes map[int64]int64) map[int64]int64 {
	for pid, n := range likes {
		if n == 0 {
			delete(likes, pid)
		}
	}
	return likes
}
