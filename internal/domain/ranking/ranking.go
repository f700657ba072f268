// Package ranking computes scores from counters. All of it is integer arithmetic
// in micro points (millionths of a point), so that Redis, SQL and Go get the same
// number, to the last digit.
package ranking

import (
	"context"
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// ErrPeriod is returned for a period that has no ranking.
var ErrPeriod = fault.New(fault.Invalid, "INVALID_PERIOD", "period must be daily, weekly or monthly")

// ErrDate is returned for a date that does not exist.
var ErrDate = fault.New(fault.Invalid, "INVALID_DATE", "date must be a day of the form yyyyMMdd")

// Weights are the values of a view, of a like and of the logarithm of an order
// amount, and the part of yesterday's score that a product keeps. All are in
// thousandths.
type Weights struct {
	View, Like, Order int64
	Carry             int64
}

// DefaultWeights returns 0.1 for a view, 0.2 for a like, 0.7 for the logarithm of
// an order amount, and a carry of 0.1.
func DefaultWeights() Weights { return Weights{View: 100, Like: 200, Order: 700, Carry: 100} }

// Window is the number of earlier days that are part of the live score of a day.
// The rule is
//
//	live(day) = own(day) + carry x live(day - 1)
//
// With a carry of 0.1, the part of a day shrinks tenfold each day, and is a
// ten-millionth after seven days. Earlier days are left out. So a live score is a
// function of eight rows, which can be computed again exactly. Divisions truncate
// toward zero, as they do in SQL.
const Window = 7

// Own returns the score of one day alone, in micro points:
//
//	own(day) = 1000 x (wView x views + wLike x likes) + wOrder x amountLog
func (w Weights) Own(c metric.Counters) int64 {
	return 1000*(w.View*c.Views+w.Like*c.Likes) + w.Order*c.AmountLog
}

// Score is the score of a product on a day.
type Score struct {
	ProductID int64
	Own       int64 // of the day alone, in micro points
	Live      int64 // with the carry of the days before, in micro points
	// Version is the sum of the versions of the counters that the score was
	// computed from. Versions only grow. So of two scores of the same product and
	// day, the one with the higher version is newer.
	Version int64
}

// Ranked reports whether the product is part of the ranking: its live score must
// be positive.
func (s Score) Ranked() bool { return s.Live > 0 }

// Entry is one entry of a ranking. The order is by score, then by product id, both
// descending.
type Entry struct {
	Rank      int64 // from 1
	ProductID int64
	Score     Points
}

// Points is a score in micro points. Its text is the exact decimal in points.
type Points int64

// String returns points with up to six decimals and no trailing zeros.
func (p Points) String() string {
	sign, n := "", uint64(p) //nolint:gosec // the sign is handled below
	if p < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%s%d.%06d", sign, n/1_000_000, n%1_000_000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// MarshalJSON writes the exact decimal as a JSON number.
func (p Points) MarshalJSON() ([]byte, error) { return []byte(p.String()), nil }

// Table computes rankings from the counters, for when Redis cannot be reached.
type Table interface {
	// Top returns the entries with the ranks from offset+1 to offset+limit of the
	// live ranking of a day.
	Top(ctx context.Context, s Schedule, day clock.Day, offset, limit int64) ([]Entry, error)
	// Ranks returns the ranks that products have in the live ranking of a day.
	// Products without one are missing.
	Ranks(ctx context.Context, s Schedule, day clock.Day, productIDs []int64) (map[int64]int64, error)
}
