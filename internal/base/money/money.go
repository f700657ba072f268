// Package money holds amounts in won, the smallest unit there is: integers
// only, and sums that refuse to overflow.
package money

import (
	"math/bits"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrTooLarge is raised where an amount does not fit.
var ErrTooLarge = fault.New(fault.Invalid, "AMOUNT_TOO_LARGE", "the amount is larger than this shop can count")

// Max is the largest amount the shop deals in: 10^15 won. It leaves sums of
// thousands of such amounts well inside 64 bits.
const Max Won = 1_000_000_000_000_000

// Won is an amount of money in Korean won.
type Won int64

// Times returns w x n for w, n >= 0, or ErrTooLarge if that is above Max.
func (w Won) Times(n int64) (Won, error) {
	high, low := bits.Mul64(uint64(w), uint64(n)) //nolint:gosec // both are >= 0
	if w < 0 || n < 0 || high != 0 || low > uint64(Max) {
		return 0, ErrTooLarge
	}
	return Won(low), nil
}

// Plus returns w + v for w, v >= 0, or ErrTooLarge if that is above Max.
func (w Won) Plus(v Won) (Won, error) {
	if w < 0 || v < 0 || w > Max-v {
		return 0, ErrTooLarge
	}
	return w + v, nil
}
