// Package ranking turns counters into scores. All of it is integer arithmetic
// in micro points (a millionth of a point), so that Redis, SQL and a recount
// agree to the last digit.
package ranking

import (
	"context"
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// ErrPeriod is raised for a period that has no ranking.
var ErrPeriod = fault.New(fault.Invalid, "INVALID_PERIOD", "period must be daily")

// ErrDate is raised for a date that does not exist.
var ErrDate = fault.New(fault.Invalid, "INVALID_DATE", "date must be a day of the form yyyyMMdd")

// Weights say how much a view, a like and the log of an order amount are worth,
// and how much of yesterday's score a product keeps: all in thousandths.
type Weights struct {
	View, Like, Order int64
	Carry             int64
}

// DefaultWeights are 0.1, 0.2 and 0.7, with a tenth carried over.
func DefaultWeights() Weights { return Weights{View: 100, Like: 200, Order: 700, Carry: 100} }

// Window is how many days before a day flow into its live score. The rule is
//
//	live(day) = own(day) + carry x live(day - 1)
//
// with carry 0.1, so that a day's part shrinks tenfold each day; after seven it
// is a ten-millionth. Cutting it off there makes a live score a function of
// eight rows, which anyone can compute again exactly. Divisions truncate
// toward zero, as they do in SQL.
const Window = 7

// Own is the score of one day alone, in micro points:
//
//	own(day) = 1000 x (wView x views + wLike x likes) + wOrder x amountLog
func (w Weights) Own(c metric.Counters) int64 {
	return 1000*(w.View*c.Views+w.Like*c.Likes) + w.Order*c.AmountLog
}

// Score is how a product stands on a day.
type Score struct {
	ProductID int64
	Own       int64 // micro points of the day alone
	Live      int64 // micro points with what the days before left over
	// Version is the sum of the versions of the counters that the score was
	// made from. Versions only grow, so of two scores of the same product and
	// day the one with the higher version is the newer.
	Version int64
}

// Score folds the counters of one product on the days from day - Window to day
// into its score. Counters of other days are passed over.
func (w Weights) Score(day clock.Day, rows []metric.Counters) Score {
	byDay := make(map[clock.Day]metric.Counters, len(rows))
	for _, c := range rows {
		byDay[c.Day] = c
	}
	var s Score
	for _, d := range day.Add(-Window).Until(day) {
		c := byDay[d]
		s.Own = w.Own(c)
		s.Live = s.Own + w.Carry*s.Live/1000
		s.Version += c.Version
		s.ProductID = max(s.ProductID, c.ProductID)
	}
	return s
}

// Ranked reports whether the product has a place in the day's ranking: one
// whose likes and unlikes cancel out has none.
func (s Score) Ranked() bool { return s.Live > 0 }

// Entry is one place of a ranking. The order is score descending, then product
// id descending.
type Entry struct {
	Rank      int64 // from 1
	ProductID int64
	Score     Points
}

// Points is a score in micro points. It reads as the exact decimal of points.
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

// Table reads rankings from counters, for when the board is away.
type Table interface {
	// Top returns the places offset+1 to offset+limit of a day's live ranking.
	Top(ctx context.Context, w Weights, day clock.Day, offset, limit int64) ([]Entry, error)
}
