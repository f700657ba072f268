// Package money holds amounts in won, which has no smaller unit: integers, with
// arithmetic that returns an error instead of overflowing.
package money

import (
	"math/bits"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrTooLarge is returned if an amount is above Max.
var ErrTooLarge = fault.New(fault.Invalid, "AMOUNT_TOO_LARGE", "the amount is larger than the shop allows")

// Max is the largest amount: 10^15 won. The sum of thousands of such amounts fits
// into 64 bits.
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
