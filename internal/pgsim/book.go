package pgsim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Why the book does not do what it is asked.
var (
	errNoSuch   = errors.New("there is no such transaction")
	errReused   = errors.New("the Idempotency-Key was used for another request")
	errDeclined = errors.New("the transaction failed: there is nothing to cancel")
)

// Charge is a transaction with all that the gateway knows of it. The number of
// its card is masked from the start.
type Charge struct {
	Sequence int    `json:"sequence"` // from 1 on, in the order in which they were accepted
	User     string `json:"user"`
	pgwire.Transaction
	IdempotencyKey string     `json:"idempotencyKey"`
	CallbackURL    string     `json:"callbackUrl"`
	Charged        int64      `json:"charged"`  // won that the card paid, also if they were given back
	Refunded       int64      `json:"refunded"` // won that were given back
	RequestedAt    time.Time  `json:"requestedAt"`
	SettleAt       time.Time  `json:"settleAt"` // when it settles, or should have
	SettledAt      *time.Time `json:"settledAt"`
	CancelledAt    *time.Time `json:"cancelledAt"`
	Callback       Callback   `json:"callback"`
}

// Callback is how far the one true callback of a transaction has come.
type Callback struct {
	Result   string `json:"result"`   // empty as long as it is not decided
	Attempts int    `json:"attempts"` // when it was decided
}

// Results of a Callback.
const (
	Delivered = "delivered"
	Lost      = "lost" // never sent, on purpose
	GaveUp    = "gave up"
)

// Totals is what the gateway charged and gave back.
type Totals struct {
	Transactions int                   `json:"transactions"`
	ByStatus     map[pgwire.Status]int `json:"byStatus"`
	Charged      int64                 `json:"charged"`  // won
	Refunded     int64                 `json:"refunded"` // won
	Net          int64                 `json:"net"`      // won
}

// book is every transaction there is. What changes it is an entry: written to
// the journal first, then applied; at the start the journal's are applied again.
type book struct {
	mu      sync.RWMutex
	journal *journal // nil for a book in memory alone
	charges []*Charge
	byKey   map[string]*Charge
	byOrder map[owned][]*Charge
	byIdem  map[owned]*Charge
	totals  Totals
}

// owned is a name that means something to one user alone.
type owned struct{ user, name string }

func newBook() *book {
	return &book{
		byKey: map[string]*Charge{}, byOrder: map[owned][]*Charge{}, byIdem: map[owned]*Charge{},
		totals: Totals{ByStatus: map[pgwire.Status]int{}},
	}
}

// order is a request for a charge with all that belongs to it.
type order struct {
	pgwire.Request
	user, idempotencyKey string
	at, settleAt         time.Time
	random               *rand.Rand // for the key
	again                bool       // make a new transaction even if the Idempotency-Key is known
}

// accept stores a transaction; or returns the one that the user's
// Idempotency-Key already stands for, and that it is not new; or errReused.
func (b *book) accept(o order) (c Charge, fresh bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, ok := b.byIdem[owned{o.user, o.idempotencyKey}]; ok && o.idempotencyKey != "" && !o.again {
		if !o.sameAs(known) {
			return Charge{}, false, errReused
		}
		return *known, false, nil
	}
	e := entry{Op: opAccepted, Charge: &Charge{
		Sequence: len(b.charges) + 1, User: o.user, IdempotencyKey: o.idempotencyKey, CallbackURL: o.CallbackURL,
		Transaction: pgwire.Transaction{
			TransactionKey: b.unusedKey(o.at, o.random), OrderID: o.OrderID, CardType: o.CardType, CardNo: o.CardNo.Masked(),
			Amount: o.Amount, Status: pgwire.Pending,
		},
		RequestedAt: o.at.UTC(), SettleAt: o.settleAt.UTC(),
	}}
	if err := b.enter(e); err != nil {
		return Charge{}, false, err
	}
	return *e.Charge, true, nil
}

func (o *order) sameAs(c *Charge) bool {
	return o.OrderID == c.OrderID && o.Amount == c.Amount && o.CardType == c.CardType && o.CardNo.Masked() == c.CardNo
}

func (b *book) unusedKey(at time.Time, random *rand.Rand) string {
	for {
		key := fmt.Sprintf("%v:TR:%012x", clock.DayOf(at), random.Uint64()>>16)
		if b.byKey[key] == nil {
			return key
		}
	}
}

// settle charges a transaction or fails it; ok is false if that is no longer
// to be done.
func (b *book) settle(key string, status pgwire.Status, reason string, at time.Time) (c Charge, ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.byKey[key]
	if known == nil || known.Status != pgwire.Pending {
		return Charge{}, false, nil
	}
	err = b.enter(entry{Op: opSettled, Key: key, At: at.UTC(), Status: status, Reason: reason})
	return *known, err == nil, err
}

// cancel calls a transaction off or refunds it, once.
func (b *book) cancel(user, key string, at time.Time) (Charge, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.byKey[key]
	switch {
	case known == nil || known.User != user:
		return Charge{}, errNoSuch
	case known.Status == pgwire.Failed:
		return Charge{}, errDeclined
	case known.Status == pgwire.Cancelled:
		return *known, nil
	}
	err := b.enter(entry{Op: opCancelled, Key: key, At: at.UTC()})
	return *known, err
}

// called notes what became of the callback.
func (b *book) called(key string, end Callback) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.enter(entry{Op: opCalled, Key: key, Callback: &end})
}

// find returns a transaction of the user.
func (b *book) find(user, key string) (Charge, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if known := b.byKey[key]; known != nil && known.User == user {
		return *known, nil
	}
	return Charge{}, errNoSuch
}

// ofOrder returns the transactions of a user's order, newest first.
func (b *book) ofOrder(user, orderID string) []pgwire.Transaction {
	b.mu.RLock()
	defer b.mu.RUnlock()
	known := b.byOrder[owned{user, orderID}]
	found := make([]pgwire.Transaction, len(known))
	for i, c := range known {
		found[len(known)-1-i] = c.Transaction
	}
	return found
}

func (b *book) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.journal.close()
}

// broken returns why nothing can be stored, if so.
func (b *book) broken() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.journal == nil {
		return nil
	}
	return b.journal.bad
}
