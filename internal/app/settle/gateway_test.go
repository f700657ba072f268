package settle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

var errAway = errors.New("the gateway is away")

// fate is what happens to one call of the gateway.
type fate uint8

const (
	answered   fate = iota // it is done, and the answer arrives
	answerLost             // it is done, and the answer is lost
	undone                 // it is not done, and the caller cannot know
	notReached             // nothing was sent
	refused                // the gateway refuses, now and later
)

// gateway is a gateway that a test controls. It ignores idempotency keys: two requests
// make two charges.
type gateway struct {
	mu      sync.Mutex
	charges []*payment.Charge // oldest first
	away    bool
	hangs   bool // Find waits until its caller gives up
	next    fate // of the next request or cancel
	cancels int  // requests to cancel a charge
}

// Request implements settle.Gateway.
func (g *gateway) Request(_ context.Context, r payment.ChargeRequest) payment.Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	reply := g.reply(r)
	if reply.Sends = r.Sends; reply.Kind != payment.NotReached {
		reply.Sends = r.Sends.After(time.Now(), reply.Kind == payment.Uncertain)
	}
	return reply
}

func (g *gateway) reply(r payment.ChargeRequest) payment.Reply {
	f := g.fate()
	switch {
	case g.away || f == notReached:
		return payment.Reply{Kind: payment.NotReached, Err: errAway}
	case f == undone:
		return payment.Reply{Kind: payment.Uncertain, Err: errAway}
	case f == refused:
		return payment.Reply{Kind: payment.Refused, Reason: "no such card"}
	}
	c := &payment.Charge{Key: fmt.Sprintf("TR:%d", len(g.charges)+1), OrderID: r.OrderID, Amount: r.Amount, Status: payment.ChargePending}
	g.charges = append(g.charges, c)
	if f == answerLost {
		return payment.Reply{Kind: payment.Uncertain, Err: errAway}
	}
	return payment.Reply{Kind: payment.Accepted, Charge: payment.Charge{Key: c.Key, OrderID: c.OrderID, Status: c.Status}}
}

func (g *gateway) fate() fate {
	f := g.next
	g.next = answered
	return f
}

// change changes a charge, whoever asks for it meanwhile.
func (g *gateway) change(i int, by func(*payment.Charge)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	by(g.charges[i])
}

// Find implements settle.Gateway.
func (g *gateway) Find(ctx context.Context, _, orderID id.ID) (found []payment.Charge, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if g.away {
		return nil, errAway
	}
	for _, c := range slices.Backward(g.charges) {
		if c.OrderID == orderID {
			found = append(found, *c)
		}
	}
	return found, nil
}

// Cancel implements settle.Gateway.
func (g *gateway) Cancel(_ context.Context, _, _ id.ID, key string) (payment.Charge, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancels++
	f := g.fate()
	i := slices.IndexFunc(g.charges, func(c *payment.Charge) bool { return c.Key == key })
	switch {
	case g.away || f == notReached || f == undone:
		return payment.Charge{}, errAway
	case i < 0 || f == refused || g.charges[i].Status == payment.ChargeFailed:
		return payment.Charge{}, errors.New("the gateway refuses")
	}
	g.charges[i].Status = payment.ChargeCancelled
	if f == answerLost {
		return payment.Charge{}, errAway
	}
	return *g.charges[i], nil
}

// open returns the keys of the pending charges.
func (g *gateway) open() (keys []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.charges {
		if c.Status == payment.ChargePending {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// decide ends a pending charge.
func (g *gateway) decide(key string, status payment.ChargeStatus) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.charges {
		if c.Key == key && c.Status == payment.ChargePending {
			c.Status, c.Reason = status, map[payment.ChargeStatus]string{payment.ChargeFailed: "the limit is exceeded"}[status]
		}
	}
}

// all returns every charge.
func (g *gateway) all() (found []payment.Charge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.charges {
		found = append(found, *c)
	}
	return found
}

// kept returns the sum of the charges of an order that succeeded.
func (g *gateway) kept(orderID id.ID) (won money.Won) {
	for _, c := range g.all() {
		if c.OrderID == orderID && c.Status == payment.ChargeSucceeded {
			won += c.Amount
		}
	}
	return won
}
