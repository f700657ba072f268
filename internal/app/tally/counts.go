package tally

import (
	"cmp"
	"fmt"
	"maps"
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
// add nothing and those that this program does not know. Most events are views, which
// add to one counter each: the counters of all events share one array.
func contributions(batch []event.Opened) ([]contribution, error) {
	events := make([]contribution, 0, len(batch))
	all := make([]metric.Counters, 0, len(batch))
	for i := range batch {
		o, from := &batch[i], len(all)
		var err error
		if all, err = appendCounters(all, o); err == nil {
			err = checkDays(all[from:])
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s: %w", event.ErrUnreadable, o.Type, o.ID, err)
		}
		if len(all) > from {
			events = append(events, contribution{o.ID, all[from:len(all):len(all)]})
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

// appendCounters appends what one event adds, and to which day: its own, except that
// an order counts, and is subtracted, on the day when it was paid.
func appendCounters(to []metric.Counters, o *event.Opened) ([]metric.Counters, error) {
	switch e := o.Event.(type) {
	case event.ProductViewed:
		return append(to, metric.Counters{ProductID: e.ProductID, Day: clock.DayOf(o.Time), Views: 1}), nil
	case event.ProductLiked:
		return append(to, metric.Counters{ProductID: e.ProductID, Day: clock.DayOf(o.Time), Likes: 1}), nil
	case event.ProductUnliked:
		return append(to, metric.Counters{ProductID: e.ProductID, Day: clock.DayOf(o.Time), Likes: -1}), nil
	case event.OrderPaid:
		return appendSale(to, e.Lines, clock.DayOf(e.PaidAt))
	case event.OrderCancelled:
		return appendCancelled(to, e.Lines, e.PaidAt)
	default:
		return to, nil
	}
}

// appendSale counts order lines. Their sum has the limit of an order, so that sums over a
// whole batch do not overflow.
func appendSale(to []metric.Counters, lines []event.Line, day clock.Day) ([]metric.Counters, error) {
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
			return to, fmt.Errorf("line %d: %w", i, err)
		}
		to = append(to, metric.Sale(l.ProductID, day, l.Quantity, money.Won(l.UnitPrice)))
	}
	return to, nil
}

func appendCancelled(to []metric.Counters, lines []event.Line, paidAt *time.Time) ([]metric.Counters, error) {
	if paidAt == nil { // it never counted
		return to, nil
	}
	from := len(to)
	to, err := appendSale(to, lines, clock.DayOf(*paidAt))
	for i := range to[from:] {
		to[from+i] = to[from+i].Minus()
	}
	return to, err
}

// sums adds up counters by product and day, and the net likes by product.
type sums struct {
	counters []metric.Counters
	places   map[counterKey]int // in counters
	likes    map[int64]int64
}

func newSums() *sums { return &sums{places: map[counterKey]int{}, likes: map[int64]int64{}} }

func (s *sums) add(counts []metric.Counters) {
	for i := range counts {
		c := &counts[i]
		at := counterKey{c.ProductID, c.Day}
		place, known := s.places[at]
		if !known {
			place = len(s.counters)
			s.places[at], s.counters = place, append(s.counters, metric.Counters{ProductID: c.ProductID, Day: c.Day})
		}
		s.counters[place] = s.counters[place].Plus(*c)
		if c.Likes != 0 {
			s.likes[c.ProductID] += c.Likes
		}
	}
}

// deltas returns the sums that are not zero, sorted by product and day, and the net likes
// that are not zero.
func (s *sums) deltas() ([]metric.Counters, map[int64]int64) {
	deltas := slices.DeleteFunc(s.counters, func(c metric.Counters) bool {
		return c == metric.Counters{ProductID: c.ProductID, Day: c.Day}
	})
	slices.SortFunc(deltas, func(a, b metric.Counters) int {
		return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.Day, b.Day))
	})
	maps.DeleteFunc(s.likes, func(_, n int64) bool { return n == 0 })
	return deltas, s.likes
}
