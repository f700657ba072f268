package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/point"
)

type points struct{ *session }

// Open implements point.Table.
func (t points) Open(user id.ID) {
	t.exec(`INSERT INTO wallets (user_id, balance) VALUES ($1, 0)`, user)
}

// Lock implements point.Table.
func (t points) Lock(ctx context.Context, user id.ID) (point.Wallet, error) {
	q := stmt(`SELECT user_id, balance FROM wallets WHERE user_id = $1 `+t.dialect.ForUpdate, user)
	return first(ctx, t.change, q, scanWallet, point.ErrNoWallet)
}

// Get implements point.Table.
func (t points) Get(ctx context.Context, user id.ID) (point.Wallet, error) {
	q := stmt(`SELECT user_id, balance FROM wallets WHERE user_id = $1`, user)
	return first(ctx, t.each, q, scanWallet, point.ErrNoWallet)
}

// Save implements point.Table.
func (t points) Save(w point.Wallet, e point.Entry) {
	t.queue(Stmt{
		SQL:  `UPDATE wallets SET balance = $1 WHERE user_id = $2`,
		Args: []any{int64(w.Balance()), w.UserID()},
		Rows: 1, Mismatch: point.ErrNoWallet,
	})
	t.exec(`
		INSERT INTO point_entries (id, user_id, type, amount, balance, order_id, at_us)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		e.ID, e.UserID, string(e.Type), int64(e.Amount), int64(e.Balance), e.OrderID, micros(e.At))
}

// SaveAll implements point.Table.
func (t points) SaveAll(wallets []point.Wallet, entries []point.Entry) {
	t.updateAll("wallets", point.ErrNoWallet,
		Column{"user_id", UUID, collect(wallets, point.Wallet.UserID)},
		Column{"balance", BigInt, collect(wallets, func(w point.Wallet) int64 { return int64(w.Balance()) })},
	)
	t.insertAll("point_entries", nil,
		Column{"id", UUID, collect(entries, func(e point.Entry) id.ID { return e.ID })},
		Column{"user_id", UUID, collect(entries, func(e point.Entry) id.ID { return e.UserID })},
		Column{"type", Text, collect(entries, func(e point.Entry) string { return string(e.Type) })},
		Column{"amount", BigInt, collect(entries, func(e point.Entry) int64 { return int64(e.Amount) })},
		Column{"balance", BigInt, collect(entries, func(e point.Entry) int64 { return int64(e.Balance) })},
		Column{"order_id", UUID, collect(entries, func(e point.Entry) *id.ID { return e.OrderID })},
		Column{"at_us", BigInt, collect(entries, func(e point.Entry) int64 { return micros(e.At) })},
	)
}

const selectEntry = `SELECT id, user_id, type, amount, balance, order_id, at_us FROM point_entries `

// History implements point.Table.
func (t points) History(ctx context.Context, user, before id.ID, limit int) ([]point.Entry, error) {
	return all(ctx, t.each, entriesStmt(user, before, limit), func(r row) (e point.Entry, err error) {
		var at int64
		err = r.Scan(&e.ID, &e.UserID, &e.Type, &e.Amount, &e.Balance, &e.OrderID, &at)
		e.At = timeOf(at)
		return e, err
	})
}

func entriesStmt(user, before id.ID, limit int) Stmt {
	return page(selectEntry, olderThan(user, before), "id DESC", limit)
}

func scanWallet(r row) (point.Wallet, error) {
	var user id.ID
	var balance money.Won
	err := r.Scan(&user, &balance)
	return point.WalletOf(user, balance), err
}
