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
	// The same once the gateway has had the card: it is sent a few times only, so they
	// must outlast a gateway that is sick for a moment.
	firstSentPause = 4 * time.Second
	lastSentPause  = time.Minute
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

// requestCharge asks the gateway for a charge until it has a definite answer, the card
// was sent as often as it may be, or the payment has ended otherwise. Then the gateway is
// not asked again: if the answer cannot be written, the write is repeated, and in the end
// recovery finds the charge at the gateway.
func (s *Service) requestCharge(d deadlines, j *job) {
	failing := outage.New(s.log.With("payment", j.payment.ID), "request a payment")
	pauses, sentPauses := backoff.New(firstPause, lastPause, s.random), backoff.New(firstSentPause, lastSentPause, s.random)
	reply := payment.Reply{Kind: payment.NotReached}
	for {
		if !isLast(reply) {
			reply = s.gateway.Request(d.hard, s.chargeRequest(j.payment, *j.card, reply.Sends))
		}
		err := s.recordReply(d.hard, j, reply)
		if err == nil {
			failing.Recovered()
			return
		}
		failing.Failed(err)
		long := pauses.Next()
		if reply.Sends.Total > 0 {
			long = sentPauses.Next()
		}
		if !pause(d, long) || !s.isWanted(d.hard, j.payment.OrderID) {
			return
		}
	}
}

// pause waits before the gateway is asked again. While the program stops, it waits for
// stopPause only, until the hard deadline: no other process has the card's number.
func pause(d deadlines, long time.Duration) bool {
	return backoff.Wait(d.soft, long) || backoff.Wait(d.hard, stopPause)
}

// isLast reports whether no request follows the one with this reply.
func isLast(r payment.Reply) bool { return r.Definite() || r.Sends.Exhausted() }

func (s *Service) chargeRequest(p payment.Payment, card payment.CardDetails, sends payment.Sends) payment.ChargeRequest {
	return payment.ChargeRequest{
		PaymentID: p.ID, OrderID: p.OrderID, UserID: p.UserID, Card: card, Amount: p.Amount, CallbackURL: s.callbackURL, Sends: sends,
	}
}

// recordReply writes the reply to a request. A reply that is not the last one is an
// error.
func (s *Service) recordReply(ctx context.Context, j *job, reply payment.Reply) error {
	p := j.payment
	switch reply.Kind {
	case payment.Accepted:
		charge := reply.Charge
		if charge.Amount == 0 {
			charge.Amount = p.Amount // the gateway does not repeat it
		}
		// The order may have been cancelled meanwhile, so that a refund is due.
		_, err := s.record(ctx, p.OrderID, report{charges: []payment.Charge{charge}, reply: &reply, later: true})
		return err
	case payment.Refused:
		return s.refuse(ctx, p.OrderID, reply)
	case payment.NotReached, payment.Uncertain:
	}
	if err := s.recordDoubt(ctx, j, reply); err != nil || !isLast(reply) {
		return errors.Join(reply.Err, err)
	}
	s.exhausted.Add(1)
	s.log.WarnContext(ctx, "a card is not sent again: the gateway gave no usable answer; the recovery asks for the charge",
		"payment", p.ID, "order", p.OrderID, "sends", reply.Sends.Total, "said", reply.Said())
	return nil
}

// recordDoubt writes that the gateway gave no definite answer, for operators: the first
// time, and each time that the card was sent.
func (s *Service) recordDoubt(ctx context.Context, j *job, reply payment.Reply) error {
	if j.doubted && j.sends == reply.Sends {
		return nil
	}
	_, err := s.change(ctx, j.payment.OrderID, func(c *change) error {
		if err := c.recordUnavailable(ctx, reply.Err); err != nil {
			return err
		}
		c.heard(&reply)
		return nil
	})
	if err == nil {
		j.doubted, j.sends = true, reply.Sends
	}
	return err
}

// heard notes a reply for operators, if there is one.
func (c *change) heard(r *payment.Reply) {
	if r != nil {
		c.payment = c.payment.WithReply(r.Sends, r.Said(), c.at)
	}
}

// refusedReason is the reason that the customer sees. What the gateway said may be
// about the shop and not about the card: it is for operators.
const refusedReason = "the payment gateway did not take the card"

// refuse ends a payment whose request the gateway refused.
func (s *Service) refuse(ctx context.Context, orderID id.ID, reply payment.Reply) error {
	_, err := s.change(ctx, orderID, func(c *change) error {
		c.heard(&reply)
		if c.payment.Status != payment.Pending || len(c.charges) > 0 {
			return nil // it has ended meanwhile, or there is a charge after all
		}
		c.payment = c.payment.Record(c.at, payment.ActionRefused, reply.Reason, "")
		return c.fail(ctx, "", refusedReason)
	})
	return err
}

// isWanted reports whether a payment must still be requested.
func (s *Service) isWanted(ctx context.Context, orderID id.ID) bool {
	p, err := s.find(ctx, orderID)
	return err != nil || p.Status == payment.Pending && !p.Late(s.policy, s.clock())
}
