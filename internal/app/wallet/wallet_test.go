package wallet_test

import (
	"errors"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func TestConcurrentChargesAddUp(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		kim := s.Customer(t, 0)
		errs := shoptest.AtOnce(32, func(i int) error {
			_, err := s.Wallet.Charge(t.Context(), kim, money.Won(i+1), store.Unguarded{})
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if b := s.Balance(t, kim); b != 32*33/2 {
			t.Errorf("balance = %d, want %d", b, 32*33/2)
		}
		s.Audit(t)
	})
}

func TestAnInvalidChargeChangesNothing(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		kim, rich := s.Customer(t, 5), s.Customer(t, money.Max-1)
		for name, c := range map[string]struct {
			who    id.ID
			amount money.Won
			fault  error
		}{
			"nothing": {kim, 0, fault.ErrValidation}, "too much": {kim, point.MaxCharge + 1, fault.ErrValidation},
			"a full wallet": {rich, 2, point.ErrWalletTooFull}, "nobody": {s.IDs(), 1, point.ErrNoWallet},
		} {
			if _, err := s.Wallet.Charge(t.Context(), c.who, c.amount, store.Unguarded{}); !errors.Is(err, c.fault) {
				t.Errorf("%s: %v, want %v", name, err, c.fault)
			}
		}
		if k, r := s.Balance(t, kim), s.Balance(t, rich); k != 5 || r != money.Max-1 {
			t.Errorf("balances = %d and %d", k, r)
		}
	})
}

func TestTheHistoryExplainsTheBalance(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		kim := s.Customer(t, 0)
		for _, amount := range []money.Won{1, 20, 300} {
			if _, err := s.Wallet.Charge(t.Context(), kim, amount, store.Unguarded{}); err != nil {
				t.Fatal(err)
			}
		}
		var amounts, balances []money.Won
		for cursor, first := "", true; first || cursor != ""; first = false {
			p, err := s.Wallet.History(t.Context(), kim, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Items {
				amounts, balances = append(amounts, e.Amount), append(balances, e.Balance)
			}
			cursor = p.Next
		}
		if len(amounts) != 3 || amounts[0] != 300 || balances[0] != 321 || amounts[2] != 1 || balances[2] != 1 {
			t.Errorf("amounts %v, balances %v; newest first was expected", amounts, balances)
		}
	})
}
