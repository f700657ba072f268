package metric

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Month is a month in Asia/Seoul as the number yyyymm.
type Month int32

// MonthOf returns the month of a day.
func MonthOf(day clock.Day) Month { return Month(day / 100) }

// First returns the first day of the month.
func (m Month) First() clock.Day { return clock.Day(m)*100 + 1 }

// Last returns the last day of the month.
func (m Month) Last() clock.Day { return MonthOf(m.First().Add(31)).First().Add(-1) }

// String returns yyyymm.
func (m Month) String() string { return fmt.Sprintf("%06d", int32(m)) }

// MonthTable stores the counters of months whose days are no longer kept. Each event
// is in either a daily counter or that of a month, so that the two always add up.
type MonthTable interface {
	// Ended returns the months with daily counters that ended before a day, oldest
	// first.
	Ended(ctx context.Context, before clock.Day) ([]Month, error)
	// RollUp moves up to limit daily counters of a month, those of the products from
	// from on, to the counters of the month. It returns the last product that it has
	// reached, and the number of daily counters moved: less than limit at the end.
	RollUp(ctx context.Context, m Month, from int64, limit int) (last, moved int64, err error)
	// Has reports whether any product has a counter of the month: then some of the days
	// are no longer known.
	Has(ctx context.Context, m Month) (bool, error)
	// Of returns the counters of a month of a product. Their day is the first of the
	// month. They are zero if there are none.
	Of(ctx context.Context, productID int64, m Month) (Counters, error)
}
