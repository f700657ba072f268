// Package point holds what a user can pay with: a wallet whose balance is the
// sum of an append-only ledger.
package point

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
)

// Faults of points.
var (
	ErrInsufficient  = fault.New(fault.Conflict, "INSUFFICIENT_POINTS", "not enough points")
	ErrWalletTooFull = fault.New(fault.Conflict, "WALLET_TOO_FULL", "the wallet cannot hold more")
	ErrNoWallet      = fault.New(fault.NotFound, "WALLET_NOT_FOUND", "the user has no wallet")
)

// MaxCharge is the largest single charge, in won.
const MaxCharge money.Won = 10_000_000

// Type is why a balance changed.
type Type string

// The types of a ledger entry.
const (
	Charge Type = "CHARGE"
	Use    Type = "USE"
	Refund Type = "REFUND"
	Adjust Type = "ADJUST"
)

// Wallet is a user's balance.
type Wallet struct {
	userID  id.ID
	balance money.Won
}

// WalletOf returns a user's wallet; a balance is never negative.
func WalletOf(user id.ID, balance money.Won) Wallet { return Wallet{user, max(balance, 0)} }

// UserID is whose wallet it is.
func (w Wallet) UserID() id.ID { return w.userID }

// Balance is what the user can spend.
func (w Wallet) Balance() money.Won { return w.balance }

// Spend returns the wallet with amount >= 0 less, or ErrInsufficient.
func (w Wallet) Spend(amount money.Won) (Wallet, error) {
	if amount > w.balance {
		return w, ErrInsufficient.Because("the balance is %d, %d is needed", w.balance, amount)
	}
	return Wallet{w.userID, w.balance - amount}, nil
}

// Receive returns the wallet with amount >= 0 more, or ErrWalletTooFull.
func (w Wallet) Receive(amount money.Won) (Wallet, error) {
	sum, err := w.balance.Plus(amount)
	if err != nil {
		return w, ErrWalletTooFull
	}
	return Wallet{w.userID, sum}, nil
}

// CheckCharge returns what is wrong with the amount of a charge.
func CheckCharge(amount money.Won) error {
	var c fault.Check
	c.That(amount >= 1 && amount <= MaxCharge, "/amount", "must be 1 to %d", MaxCharge)
	return c.Err()
}

// Entry is one line of the ledger.
type Entry struct {
	ID      id.ID
	UserID  id.ID
	Type    Type
	Amount  money.Won // negative when spent
	Balance money.Won // afterwards
	OrderID *id.ID
	At      time.Time
}

// Table keeps wallets and their ledger.
type Table interface {
	// Open queues an empty wallet for a new user.
	Open(user id.ID)
	// Lock returns a wallet, locked until the transaction ends, or ErrNoWallet.
	Lock(ctx context.Context, user id.ID) (Wallet, error)
	Get(ctx context.Context, user id.ID) (Wallet, error)
	// Save queues the wallet and the entry that led to its balance.
	Save(w Wallet, e Entry)
	// History returns up to limit entries of a user, newest first, older than
	// the entry named; the zero id is the beginning.
	History(ctx context.Context, user id.ID, before id.ID, limit int) ([]Entry, error)
}
