package ranking

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrWeights is returned for weights that no ranking can be computed by.
var ErrWeights = fault.New(fault.Invalid, "INVALID_WEIGHTS", "a weight must be a number with at most three decimals")

// ErrWeightsChanged is returned to a process that writes scores by older weights than
// those that the board is made with. It must read the weights and compute the scores
// again.
var ErrWeightsChanged = fault.New(fault.Conflict, "WEIGHTS_CHANGED", "the weights of the ranking have changed")

// Limits of weights, in thousandths. With them, the live score of a product stays below
// 2^53 micro points, up to which Redis and JSON are exact, even if it has ten million
// views, ten million likes and a million order lines each day; see
// docs/decisions/0024-weights-at-run-time.md.
const (
	MaxWeight = 10_000
	MaxCarry  = 1_000
)

// Check returns fault.ErrValidation with every weight that is out of bounds, or nil.
func (w Weights) Check() error {
	var c fault.Check
	for _, part := range []struct {
		pointer    string
		value, max int64
	}{{"/view", w.View, MaxWeight}, {"/like", w.Like, MaxWeight}, {"/order", w.Order, MaxWeight}, {"/carry", w.Carry, MaxCarry}} {
		c.That(part.value >= 0 && part.value <= part.max, part.pointer, "must be 0 to %s", Thousandths(part.max))
	}
	c.That(w.View != 0 || w.Like != 0 || w.Order != 0, "/order", "must not be 0 if view and like are 0: no product would have a score")
	return c.Err()
}

// Thousandths is a weight. Its text is the exact decimal: 100 is 0.1.
type Thousandths int64

// String returns the weight with up to three decimals and no trailing zeros.
func (t Thousandths) String() string {
	sign, n := "", uint64(t) //nolint:gosec // the sign is handled below
	if t < 0 {
		sign, n = "-", -n
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%s%d.%03d", sign, n/1000, n%1000), "0"), ".")
}

// MarshalJSON writes the exact decimal as a JSON number.
func (t Thousandths) MarshalJSON() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalJSON reads a JSON number, or returns ErrWeights if it has more than three
// decimals.
func (t *Thousandths) UnmarshalJSON(raw []byte) error {
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return ErrWeights.Because("%.20s is not a number", raw)
	}
	return t.UnmarshalText([]byte(n))
}

// UnmarshalText reads a decimal number with at most three decimals, or returns
// ErrWeights.
func (t *Thousandths) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e12 {
		return ErrWeights.Because("%.20q is not a number that a weight can be", text)
	}
	n := math.Round(f * 1000)
	if n/1000 != f { // the double that is nearest to n thousandths
		return ErrWeights.Because("%.20s has more than three decimals", text)
	}
	*t = Thousandths(n)
	return nil
}
