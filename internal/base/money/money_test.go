package money_test

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/money"
)

// any64 draws from all of int64, and often from its edges and those of Max.
func any64() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2, 2),
		rapid.Int64Range(int64(money.Max)-2, int64(money.Max)+2), rapid.Int64Range(0, 1_000_000))
}

func TestTimesIsExactOrAnError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, n := any64().Draw(t, "w"), any64().Draw(t, "n")
		got, err := money.Won(w).Times(n)
		agree(t, got, err, w, n, new(big.Int).Mul(big.NewInt(w), big.NewInt(n)))
	})
}

func TestPlusIsExactOrAnError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, v := any64().Draw(t, "w"), any64().Draw(t, "v")
		got, err := money.Won(w).Plus(money.Won(v))
		agree(t, got, err, w, v, new(big.Int).Add(big.NewInt(w), big.NewInt(v)))
	})
}

func agree(t *rapid.T, got money.Won, err error, a, b int64, want *big.Int) {
	t.Helper()
	fits := a >= 0 && b >= 0 && want.Cmp(big.NewInt(int64(money.Max))) <= 0
	if fits && (err != nil || want.Cmp(big.NewInt(int64(got))) != 0) {
		t.Fatalf("got %d, %v; want %v", got, err, want)
	}
	if !fits && !errors.Is(err, money.ErrTooLarge) {
		t.Fatalf("got %d, %v; want ErrTooLarge", got, err)
	}
}
