// Package wallet charges points and reads a user's balance and point history.
package wallet

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/store"
)

// cursorName marks the cursors of this list, so that those of other lists are rejected.
const cursorName = "points"

// Service charges and reads wallets.
type Service struct {
	db  store.DB
	ids id.Source
	now clock.Clock
}

// New returns a service.
func New(db store.DB, ids id.Source, now clock.Clock) *Service { return &Service{db, ids, now} }

// Charge adds 1 to point.MaxCharge won to a user's balance and returns the wallet. It
// returns point.ErrWalletTooFull if the balance would become too large.
func (s *Service) Charge(ctx context.Context, user id.ID, amount money.Won, guard store.Guard) (w point.Wallet, err error) {
	if err := point.CheckCharge(amount); err != nil {
		return w, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		if w, err = tx.Points.Lock(ctx, user); err != nil {
			return err
		}
		if w, err = w.Receive(amount); err != nil {
			return err
		}
		tx.Points.Save(w, point.Entry{
			ID: s.ids(), UserID: user, Type: point.Charge, Amount: amount, Balance: w.Balance(), At: s.now(),
		})
		return guard.Leave(ctx, tx, w)
	})
	return w, err
}

// Balance returns a user's wallet.
func (s *Service) Balance(ctx context.Context, user id.ID) (w point.Wallet, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		w, err = tx.Points.Get(ctx, user)
		return err
	})
	return w, err
}

// History returns a page of a user's point history, newest first.
func (s *Service) History(ctx context.Context, user id.ID, size int, cursor string) (page.Page[point.Entry], error) {
	before, _, err := page.Decode[id.ID](cursorName, cursor)
	if err != nil {
		return page.Page[point.Entry]{}, err
	}
	var found []point.Entry
	err = s.db.View(ctx, func(tx store.Tx) error {
		found, err = tx.Points.History(ctx, user, before, size+1)
		return err
	})
	return page.Of(found, size, cursorName, func(e point.Entry) id.ID { return e.ID }), err
}
