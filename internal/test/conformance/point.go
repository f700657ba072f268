package conformance

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/store"
)

func (s *shop) balance(user id.ID) money.Won {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (point.Wallet, error) { return tx.Points.Get(ctx, user) }).Balance()
}

// spend spends points of a user, if there are enough.
func (s *shop) spend(ctx context.Context, tx store.Tx, user id.ID, amount money.Won) error {
	w, err := tx.Points.Lock(ctx, user)
	if err != nil {
		return err
	}
	if w, err = w.Spend(amount); err != nil {
		return err
	}
	tx.Points.Save(w, point.Entry{
		ID: s.ids(), UserID: user, Type: point.Use, Amount: -amount, Balance: w.Balance(), At: noon(),
	})
	return nil
}

func pointTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a new wallet is empty":                                 walletBegins,
		"an unknown wallet is not found":                        walletUnknown,
		"the history is the ledger, newest first, page by page": historyListed,
	}
}

func walletBegins(s *shop) {
	s.equal(money.Won(0), s.balance(s.user().ID))
}

func walletUnknown(s *shop) {
	s.refuses(point.ErrNoWallet, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Points.Lock(ctx, s.ids())
		return err
	})
	s.refuses(point.ErrNoWallet, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Points.Get(ctx, s.ids())
		return err
	})
	s.refuses(point.ErrNoWallet, func(_ context.Context, tx store.Tx) error {
		user := s.ids()
		tx.Points.Save(point.WalletOf(user, 1), point.Entry{
			ID: s.ids(), UserID: user, Type: point.Charge, Amount: 1, Balance: 1, At: noon(),
		})
		return nil
	})
}

func historyListed(s *shop) {
	u, other, oid := s.user(), s.user(), s.ids()
	s.charge(other.ID, 77)
	var want []point.Entry
	for i := range 5 {
		e := point.Entry{
			ID: s.ids(), UserID: u.ID, Type: point.Charge, Amount: 10, Balance: money.Won(10 * (i + 1)), At: noon(),
		}
		if i == 3 {
			e.OrderID, e.Type = &oid, point.Refund
		}
		s.update(func(_ context.Context, tx store.Tx) error {
			tx.Points.Save(point.WalletOf(u.ID, e.Balance), e)
			return nil
		})
		want = append([]point.Entry{e}, want...)
	}
	page := func(before id.ID) []point.Entry {
		return read(s, func(ctx context.Context, tx store.Tx) ([]point.Entry, error) {
			return tx.Points.History(ctx, u.ID, before, 3)
		})
	}
	s.equal(want[:3], page(id.ID{}))
	s.equal(want[3:], page(want[2].ID))
	s.equal(money.Won(50), s.balance(u.ID))
}
