package point_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/point"
)

// Whatever comes and goes, the balance is the sum of what was let through.
func TestABalanceIsTheSumOfItsMovesAndNeverNegative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, sum := point.WalletOf(id.ID{1}, 0), money.Won(0)
		amount := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, int64(money.Max)))
		t.Repeat(map[string]func(*rapid.T){
			"receive": func(t *rapid.T) {
				n := money.Won(amount.Draw(t, "n"))
				next, err := w.Receive(n)
				if fits := sum+n <= money.Max; fits != (err == nil) {
					t.Fatalf("Receive(%d) with %d: %v", n, sum, err)
				}
				if err == nil {
					sum += n
				}
				w = next
			},
			"spend": func(t *rapid.T) {
				n := money.Won(amount.Draw(t, "n"))
				next, err := w.Spend(n)
				if (n <= sum) != (err == nil) {
					t.Fatalf("Spend(%d) with %d: %v", n, sum, err)
				}
				if err == nil {
					sum -= n
				}
				w = next
			},
			"": func(t *rapid.T) {
				if w.Balance() != sum || sum < 0 || w.UserID() != (id.ID{1}) {
					t.Fatalf("wallet %+v, want a balance of %d", w, sum)
				}
			},
		})
	})
}

func TestInsufficientPointsNameBothAmounts(t *testing.T) {
	t.Parallel()
	_, err := point.WalletOf(id.ID{1}, 5).Spend(7)
	if !errors.Is(err, point.ErrInsufficient) || err.Error() != "the balance is 5, 7 is needed" {
		t.Errorf("Spend = %v", err)
	}
}

func TestAWalletIsNeverMadeNegative(t *testing.T) {
	t.Parallel()
	if got := point.WalletOf(id.ID{1}, -5).Balance(); got != 0 {
		t.Errorf("balance = %d", got)
	}
}

func TestAChargeHasBounds(t *testing.T) {
	t.Parallel()
	for amount, ok := range map[money.Won]bool{-1: false, 0: false, 1: true, 10_000_000: true, 10_000_001: false} {
		if err := point.CheckCharge(amount); (err == nil) != ok || err != nil && !errors.Is(err, fault.ErrValidation) {
			t.Errorf("CheckCharge(%d) = %v", amount, err)
		}
	}
}
