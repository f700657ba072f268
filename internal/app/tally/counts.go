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

// contribution is what an event adds to the counters.
type contribution struct {
	id     id.ID
	counts []metric.Counters
}

// contributions returns what the batch adds to the counters. It skips events that
// add nothing and those that this program does not know.
func contributions(batch []event.Opened) ([]contribution, error) {
	events := make([]contribution, 0, len(batch))
	for _, o := range batch {
		counts, err := countersOf(o)
		if err == nil {
			err = checkDays(counts)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s: %w", event.ErrUnreadable, o.Type, o.ID, err)
		}
		if len(counts) > 0 {
			events = append(events, contribution{o.ID, counts})
		}
	}
	return events, nil
}

// checkDays refuses days that nobody can ask for: the clock of whoever sent the event
// was wrong.
func checkDays(counts []metric.Counters) error {
	for _, c := range counts {
		if !c.Day.Known() {
			return fmt.Errorf("nothing can be counted on the day %s", c.Day)
		}
	}
	return nil
}

// countersOf returns what one event adds, and to which day: its own, except that
// an order counts, and is subtracted, on the day when it was paid.
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
		return saleCounters(e.Lines, clock.DayOf(e.PaidAt))
	case event.OrderCancelled:
		return cancelledSaleCounters(e.Lines, e.PaidAt)
	default:
		return nil, nil
	}
}

// saleCounters counts order lines. Their sum has the limit of an order, so that
// sums over a whole batch do not overflow.
func saleCounters(lines []event.Line, day clock.Day) ([]metric.Counters, error) {
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

func cancelledSaleCounters(lines []event.Line, paidAt *time.Time) ([]metric.Counters, error) {
	if paidAt == nil { // it never counted
		return nil, nil
	}
	counts, err := saleCounters(lines, clock.DayOf(*paidAt))
	for i := range counts {
		counts[i] = counts[i].Minus()
	}
	return counts, err
}

// sortedDeltas returns the sums that are not zero, by product and day.
func sortedDeltas(sums map[counterKey]metric.Counters) []metric.Counters {
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
