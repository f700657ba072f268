package settle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

var errAway = errors.New("the gateway is away")

// fate is what becomes of one call.
type fate uint8

const (
	heard     fate = iota // it is done, and the answer arrives
	unheard               // it is done, and the answer is lost
	undone                // it is not done, and there is no telling
	unreached             // nothing was sent
	refused               // the gateway says no, now and for ever
)

// gateway is one that a test moves by hand. It knows nothing of idempotency
// keys: what is requested twice is charged twice.
type gateway struct {
	mu      sync.Mutex
	charges []*pgwire.Transaction // oldest first
	away    bool
	hangs   bool // whoever asks what there is waits until they give up
	next    fate // of the next request or cancel
}

// Request implements settle.Gateway.
func (g *gateway) Request(_ context.Context, _, _ string, r pgwire.Request) payment.Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.fate()
	switch {
	case g.away || f == unreached:
		return payment.Reply{Kind: payment.NotReached, Err: errAway}
	case f == undone:
		return payment.Reply{Kind: payment.Uncertain, Err: errAway}
	case f == refused:
		return payment.Reply{Kind: payment.Refused, Reason: "no such card"}
	}
	t := &pgwire.Transaction{
		TransactionKey: fmt.Sprintf("TR:%d", len(g.charges)+1), OrderID: r.OrderID, Amount: r.Amount, Status: pgwire.Pending,
	}
	g.charges = append(g.charges, t)
	if f == unheard {
		return payment.Reply{Kind: payment.Uncertain, Err: errAway}
	}
	return payment.Reply{Kind: payment.Accepted, Transaction: pgwire.Transaction{TransactionKey: t.TransactionKey, Status: pgwire.Pending}}
}

func (g *gateway) fate() fate {
	f := g.next
	g.next = heard
	return f
}

// Find implements settle.Gateway.
func (g *gateway) Find(ctx context.Context, _, orderID string) (found []pgwire.Transaction, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if g.away {
		return nil, errAway
	}
	for _, t := range slices.Backward(g.charges) {
		if t.OrderID == orderID {
			found = append(found, *t)
		}
	}
	return found, nil
}

// Cancel implements settle.Gateway.
func (g *gateway) Cancel(_ context.Context, _, key string) (pgwire.Transaction, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.fate()
	i := slices.IndexFunc(g.charges, func(t *pgwire.Transaction) bool { return t.TransactionKey == key })
	switch {
	case g.away || f == unreached || f == undone:
		return pgwire.Transaction{}, errAway
	case i < 0 || f == refused || g.charges[i].Status == pgwire.Failed:
		return pgwire.Transaction{}, errors.New("the gateway refuses")
	}
	g.charges[i].Status = pgwire.Cancelled
	if f == unheard {
		return pgwire.Transaction{}, errAway
	}
	return *g.charges[i], nil
}

// open returns the charges that are not decided.
func (g *gateway) open() (keys []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.charges {
		if t.Status == pgwire.Pending {
			keys = append(keys, t.TransactionKey)
		}
	}
	return keys
}

// decide charges the card, or does not.
func (g *gateway) decide(key string, status pgwire.Status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.charges {
		if t.TransactionKey == key && t.Status == pgwire.Pending {
			t.Status, t.Reason = status, map[pgwire.Status]string{pgwire.Failed: "the limit is exceeded"}[status]
		}
	}
}

// all returns every charge.
func (g *gateway) all() (found []pgwire.Transaction) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.charges {
		found = append(found, *t)
	}
	return found
}

// kept is how much the gateway has taken for an order and not given back.
func (g *gateway) kept(orderID string) (won int64) {
	for _, t := range g.all() {
		if t.OrderID == orderID && t.Status == pgwire.Success {
			won += t.Amount
		}
	}
	return won
}
