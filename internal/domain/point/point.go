// Package point holds the points that users pay with. A wallet has a balance,
// which is the sum of the entries of a ledger. Entries are never changed.
package point

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
)

// Errors of points.
var (
	ErrInsufficient  = fault.New(fault.Conflict, "INSUFFICIENT_POINTS", "not enough points")
	ErrWalletTooFull = fault.New(fault.Conflict, "WALLET_TOO_FULL", "the wallet cannot hold more")
	ErrNoWallet      = fault.New(fault.NotFound, "WALLET_NOT_FOUND", "the user has no wallet")
)

// MaxCharge is the largest single charge, in won.
const MaxCharge money.Won = 10_000_000

// Type is the reason why a balance changed.
type Type string

// The types of a ledger entry.
const (
	Charge Type = "CHARGE"
	Use    Type = "USE"
	Refund Type = "REFUND"
	Adjust Type = "ADJUST"
)

// Wallet is the balance of a user. It is never negative.
type Wallet struct {
	userID  id.ID
	balance money.Won
}

// WalletOf returns the wallet of a user; a negative balance is taken as 0.
func WalletOf(user id.ID, balance money.Won) Wallet { return Wallet{user, max(balance, 0)} }

// UserID returns the owner.
func (w Wallet) UserID() id.ID { return w.userID }

// Balance returns the points that the user can spend.
func (w Wallet) Balance() money.Won { return w.balance }

// Spend returns the wallet with amount taken out, or ErrInsufficient. The amount
// must not be negative.
func (w Wallet) Spend(amount money.Won) (Wallet, error) {
	if amount > w.balance {
		return w, ErrInsufficient.Because("the balance is %d, %d is needed", w.balance, amount)
	}
	return Wallet{w.userID, w.balance - amount}, nil
}

// Receive returns the wallet with amount put in, or ErrWalletTooFull if the
// balance would be above money.Max. The amount must not be negative.
func (w Wallet) Receive(amount money.Won) (Wallet, error) {
	sum, err := w.balance.Plus(amount)
	if err != nil {
		return w, ErrWalletTooFull
	}
	return Wallet{w.userID, sum}, nil
}

// CheckCharge returns fault.ErrValidation if an amount cannot be charged.
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
	Amount  money.Won // negative if points were spent
	Balance money.Won // after the entry
	OrderID *id.ID    // nil if the entry belongs to no order
	At      time.Time
}

// Table stores wallets and their ledger.
type Table interface {
	// Open queues an empty wallet for a new user.
	Open(user id.ID)
	// Lock returns the wallet of a user and locks it until the transaction ends.
	// It returns ErrNoWallet if there is none.
	Lock(ctx context.Context, user id.ID) (Wallet, error)
	// Get returns the wallet of a user, or ErrNoWallet.
	Get(ctx context.Context, user id.ID) (Wallet, error)
	// Save queues the new balance of a wallet and the entry that explains it. The
	// commit returns ErrNoWallet if there is no such wallet.
	Save(w Wallet, e Entry)
	// SaveAll is Save for wallets that are each given once, with any number of entries.
	SaveAll(wallets []Wallet, entries []Entry)
	// History returns up to limit entries of a user, newest first, that are older
	// than the entry before; the zero id is the beginning.
	History(ctx context.Context, user id.ID, before id.ID, limit int) ([]Entry, error)
}
