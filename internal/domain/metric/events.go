package metric

import (
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// AppendOf appends what one event adds to counters, and to which day: its own, except that
// an order counts, and is subtracted, on the day when it was paid. Events of other types
// add nothing.
func AppendOf(to []Counters, o *event.Opened) ([]Counters, error) {
	from := len(to)
	to, err := appendOf(to, o)
	if err == nil {
		err = checkDays(to[from:])
	}
	return to, err
}

func appendOf(to []Counters, o *event.Opened) ([]Counters, error) {
	switch e := o.Event.(type) {
	case event.ProductViewed:
		return append(to, Counters{ProductID: e.ProductID, Day: clock.DayOf(o.Time), Views: 1}), nil
	case event.ProductLiked:
		return append(to, Counters{ProductID: e.ProductID, Day: clock.DayOf(o.Time), Likes: 1}), nil
	case event.ProductUnliked:
		return append(to, Counters{ProductID: e.ProductID, Day: clock.DayOf(o.Time), Likes: -1}), nil
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
func appendSale(to []Counters, lines []event.Line, day clock.Day) ([]Counters, error) {
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
		to = append(to, Sale(l.ProductID, day, l.Quantity, money.Won(l.UnitPrice)))
	}
	return to, nil
}

func appendCancelled(to []Counters, lines []event.Line, paidAt *time.Time) ([]Counters, error) {
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

// checkDays refuses days that nobody can ask for: the clock of whoever sent the event
// was wrong.
func checkDays(counts []Counters) error {
	for _, c := range counts {
		if !c.Day.Known() {
			return fmt.Errorf("nothing can be counted on the day %s", c.Day)
		}
	}
	return nil
}
