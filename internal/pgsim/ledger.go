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

// Errors of the ledger.
var (
	errNotFound  = errors.New("the transaction does not exist")
	errKeyReused = errors.New("the Idempotency-Key was used for a different request")
	errFailed    = errors.New("the transaction has failed and cannot be cancelled")
)

// Charge is a transaction with everything that the gateway knows about it. Its card number is masked
// from the start.
type Charge struct {
	Sequence int    `json:"sequence"` // from 1, in order of acceptance
	User     string `json:"user"`
	pgwire.Transaction
	IdempotencyKey string     `json:"idempotencyKey"`
	CallbackURL    string     `json:"callbackUrl"`
	Traceparent    string     `json:"traceparent,omitempty"`
	Charged        int64      `json:"charged"`  // won, including those refunded later
	Refunded       int64      `json:"refunded"` // won
	RequestedAt    time.Time  `json:"requestedAt"`
	SettleAt       time.Time  `json:"settleAt"` // when it is due to settle
	SettledAt      *time.Time `json:"settledAt"`
	CancelledAt    *time.Time `json:"cancelledAt"`
	Callback       Callback   `json:"callback"`
}

// Callback is the result of the true callback of a transaction.
type Callback struct {
	Result   string `json:"result"`   // empty until it is final
	Attempts int    `json:"attempts"` // until then
}

// Results of a Callback.
const (
	Delivered = "delivered"
	Lost      = "lost" // deliberately not sent
	GaveUp    = "gave up"
)

// Totals is the sum of all charges and refunds.
type Totals struct {
	Transactions int                   `json:"transactions"`
	ByStatus     map[pgwire.Status]int `json:"byStatus"`
	Charged      int64                 `json:"charged"`  // won
	Refunded     int64                 `json:"refunded"` // won
	Net          int64                 `json:"net"`      // won
}

// ledger holds all transactions. Every change is an entry: it is written to the journal first and then
// applied. At the start the entries of the journal are applied again.
type ledger struct {
	mu               sync.RWMutex
	journal          *journal // nil: in memory only
	charges          []*Charge
	byKey            map[string]*Charge
	byOrder          map[userKey][]*Charge
	byIdempotencyKey map[userKey]*Charge
	totals           Totals
}

// userKey is an order id or idempotency key, which is unique per user.
type userKey struct{ user, name string }

func newLedger() *ledger {
	return &ledger{
		byKey: map[string]*Charge{}, byOrder: map[userKey][]*Charge{}, byIdempotencyKey: map[userKey]*Charge{},
		totals: Totals{ByStatus: map[pgwire.Status]int{}},
	}
}

// chargeRequest is a request for a charge with its metadata.
type chargeRequest struct {
	pgwire.Request
	user, idempotencyKey string
	traceparent          string
	at, settleAt         time.Time
	random               *rand.Rand // source of the transaction key
	ignoreKey            bool       // create a new transaction even if the Idempotency-Key is known
}

// accept stores a new transaction. If the user has already used the Idempotency-Key, it returns that
// transaction and created is false, or errKeyReused if the request was different.
func (l *ledger) accept(r chargeRequest) (c Charge, created bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if existing, ok := l.byIdempotencyKey[userKey{r.user, r.idempotencyKey}]; ok && r.idempotencyKey != "" && !r.ignoreKey {
		if !r.matches(existing) {
			return Charge{}, false, errKeyReused
		}
		return *existing, false, nil
	}
	e := entry{Op: opAccepted, Charge: &Charge{
		Sequence: len(l.charges) + 1, User: r.user, IdempotencyKey: r.idempotencyKey, CallbackURL: r.CallbackURL, Traceparent: r.traceparent,
		Transaction: pgwire.Transaction{
			TransactionKey: l.newKey(r.at, r.random), OrderID: r.OrderID, CardType: r.CardType, CardNo: r.CardNo.Masked(),
			Amount: r.Amount, Status: pgwire.Pending,
		},
		RequestedAt: r.at.UTC(), SettleAt: r.settleAt.UTC(),
	}}
	if err := l.commit(e); err != nil {
		return Charge{}, false, err
	}
	return *e.Charge, true, nil
}

func (r *chargeRequest) matches(c *Charge) bool {
	return r.OrderID == c.OrderID && r.Amount == c.Amount && r.CardType == c.CardType && r.CardNo.Masked() == c.CardNo
}

func (l *ledger) newKey(at time.Time, random *rand.Rand) string {
	for {
		key := fmt.Sprintf("%v:TR:%012x", clock.DayOf(at), random.Uint64()>>16)
		if l.byKey[key] == nil {
			return key
		}
	}
}

// settle charges a pending transaction or fails it. ok is false if it is no longer pending.
func (l *ledger) settle(key string, status pgwire.Status, reason string, at time.Time) (c Charge, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.byKey[key]
	if known == nil || known.Status != pgwire.Pending {
		return Charge{}, false, nil
	}
	err = l.commit(entry{Op: opSettled, Key: key, At: at.UTC(), Status: status, Reason: reason})
	return *known, err == nil, err
}

// cancel cancels a pending transaction or refunds a charged one. A repeated cancel changes nothing.
func (l *ledger) cancel(user, key string, at time.Time) (Charge, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.byKey[key]
	switch {
	case known == nil || known.User != user:
		return Charge{}, errNotFound
	case known.Status == pgwire.Failed:
		return Charge{}, errFailed
	case known.Status == pgwire.Cancelled:
		return *known, nil
	}
	err := l.commit(entry{Op: opCancelled, Key: key, At: at.UTC()})
	return *known, err
}

// recordCallback stores the result of the callback.
func (l *ledger) recordCallback(key string, end Callback) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commit(entry{Op: opCalled, Key: key, Callback: &end})
}

// find returns a transaction of a user, or errNotFound.
func (l *ledger) find(user, key string) (Charge, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if known := l.byKey[key]; known != nil && known.User == user {
		return *known, nil
	}
	return Charge{}, errNotFound
}

// findByOrder returns the transactions of a user's order, newest first.
func (l *ledger) findByOrder(user, orderID string) []pgwire.Transaction {
	l.mu.RLock()
	defer l.mu.RUnlock()
	known := l.byOrder[userKey{user, orderID}]
	found := make([]pgwire.Transaction, len(known))
	for i, c := range known {
		found[len(known)-1-i] = c.Transaction
	}
	return found
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.journal.close()
}

// journalError returns why the journal cannot be written, nil if it can.
func (l *ledger) journalError() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.journal == nil {
		return nil
	}
	return l.journal.err
}
