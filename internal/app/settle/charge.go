package settle

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

const (
	// The pause before the gateway is asked again grows from one to the other.
	firstPause = time.Second
	lastPause  = 30 * time.Second
	// stopPause is that pause once the program has been told to stop.
	stopPause = 500 * time.Millisecond
	// commitTime is how long a COMMIT may take whose answer was lost.
	commitTime = 30 * time.Second
)

// waitCommitted waits until the database shows the payment, and reports whether it
// does. The COMMIT may still be in progress although its answer was lost. So a payment
// that is not there is believed to be lost only after commitTime, or when the program
// stops.
func (s *Service) waitCommitted(d deadlines, p payment.Payment) bool {
	end := s.clock().Add(commitTime)
	pauses := backoff.New(firstPause, lastPause, s.random)
	for {
		_, err := s.find(d.hard, p.OrderID)
		if err == nil {
			return true
		}
		if errors.Is(err, payment.ErrNotFound) && (d.soft.Err() != nil || !s.clock().Before(end)) {
			return false
		}
		if !pause(d, pauses.Next()) {
			return false
		}
	}
}

// requestCharge asks the gateway for a charge until it has a definite answer, or the
// payment has ended otherwise. After such an answer the gateway is not asked again: if
// the answer cannot be written, the write is repeated, and in the end recovery finds
// the charge at the gateway.
func (s *Service) requestCharge(d deadlines, j *job) {
	failing := outage.New(s.log.With("payment", j.payment.ID), "request a payment")
	pauses := backoff.New(firstPause, lastPause, s.random)
	reply := payment.Reply{Kind: payment.NotReached}
	for {
		if !definite(reply) {
			reply = s.gateway.Request(d.hard, s.chargeRequest(j.payment, *j.card))
		}
		err := s.recordReply(d.hard, j.payment, reply)
		if err == nil {
			failing.Recovered()
			return
		}
		failing.Failed(err)
		if !pause(d, pauses.Next()) || !s.isWanted(d.hard, j.payment.OrderID) {
			return
		}
	}
}

// pause waits before the gateway is asked again. While the program stops, it waits for
// stopPause only, until the hard deadline: no other process has the card's number.
func pause(d deadlines, long time.Duration) bool {
	return backoff.Wait(d.soft, long) || backoff.Wait(d.hard, stopPause)
}

func definite(r payment.Reply) bool { return r.Kind == payment.Accepted || r.Kind == payment.Refused }

func (s *Service) chargeRequest(p payment.Payment, card payment.CardDetails) payment.ChargeRequest {
	return payment.ChargeRequest{
		PaymentID: p.ID, OrderID: p.OrderID, UserID: p.UserID, Card: card, Amount: p.Amount, CallbackURL: s.callbackURL,
	}
}

// recordReply writes the reply to a request. A reply that is not definite is an
// error.
func (s *Service) recordReply(ctx context.Context, p payment.Payment, reply payment.Reply) error {
	switch reply.Kind {
	case payment.Accepted:
		charge := reply.Charge
		if charge.Amount == 0 {
			charge.Amount = p.Amount // the gateway does not repeat it
		}
		// The order may have been cancelled meanwhile, so that a refund is due.
		_, err := s.record(ctx, p.OrderID, report{charges: []payment.Charge{charge}, later: true})
		return err
	case payment.Refused:
		return s.refuse(ctx, p.OrderID, reply.Reason)
	case payment.NotReached, payment.Uncertain:
	}
	return reply.Err
}

// refusedReason is the reason that the customer sees. What the gateway said may be
// about the shop and not about the card: it is for operators.
const refusedReason = "the payment gateway did not take the card"

// refuse ends a payment whose request the gateway refused.
func (s *Service) refuse(ctx context.Context, orderID id.ID, reason string) error {
	_, err := s.change(ctx, orderID, func(c *change) error {
		if c.payment.Status != payment.Pending || len(c.charges) > 0 {
			return nil // it has ended meanwhile, or there is a charge after all
		}
		c.payment = c.payment.Record(c.at, payment.ActionRefused, reason, "")
		return c.fail(ctx, "", refusedReason)
	})
	return err
}

// isWanted reports whether a payment must still be requested.
func (s *Service) isWanted(ctx context.Context, orderID id.ID) bool {
	p, err := s.find(ctx, orderID)
	return err != nil || p.Status == payment.Pending && !p.Late(s.policy, s.clock())
}
