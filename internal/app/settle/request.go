package settle

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Bounds of what is under way in one process.
const (
	// mostAtOnce is for how many payments the number of the card is kept in
	// memory; more card orders are refused before they take anything.
	mostAtOnce = 10_000
	// mostHurried is how many payments that have a charge to be given back are
	// looked at, ahead of recovery, at the same time.
	mostHurried = 32
	// grace is how long the gateway may still be spoken to when the program stops.
	grace = 10 * time.Second
	// The pause before the gateway is asked again grows from one to the other.
	firstPause = time.Second
	lastPause  = 30 * time.Second
	// commitTime is how long a COMMIT may take of which the answer was not heard.
	commitTime = 30 * time.Second
	// hurriedPause is that of a program that has to stop.
	hurriedPause = 500 * time.Millisecond
)

// job is a payment to be requested, or, without a card, one to be looked at now.
type job struct {
	payment payment.Payment
	number  cardno.Number
	slot    bool
	doubt   bool // whether there is such a payment
}

// Slot is the right to have one payment requested.
type Slot struct{ service *Service }

// Reserve takes a slot, ahead of the order, so that an order that nobody could
// request the payment of is not placed; or ErrBusy. Use it or Free it.
func (d *Service) Reserve() (*Slot, error) {
	select {
	case d.slots <- struct{}{}:
		return &Slot{d}, nil
	default:
		return nil, ErrBusy
	}
}

// Free gives the slot back unused.
func (s *Slot) Free() { <-s.service.slots }

// Use has a payment requested, soon, with the card's whole number. The number is
// kept in memory alone: if the process dies before the gateway has it, nobody
// can charge the card any more, and the order expires.
func (s *Slot) Use(p payment.Payment, number cardno.Number) {
	s.service.jobs <- job{payment: p, number: number, slot: true} // there is room for every slot
}

// Doubt is Use for a payment of which it is not known whether it was committed:
// it is requested if it was. Nobody else has the number.
func (s *Slot) Doubt(p payment.Payment, number cardno.Number) {
	s.service.jobs <- job{payment: p, number: number, slot: true, doubt: true}
}

// Hurry has a payment looked at now rather than when it is due.
func (d *Service) Hurry(p payment.Payment) {
	select {
	case d.hurried <- struct{}{}:
		d.jobs <- job{payment: p} // there is room for every one
	default: // it is due, and recovery will come by
	}
}

// Run requests payments until ctx ends. Those that the gateway has not accepted by
// then are tried a little longer, and then left to expire.
func (d *Service) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		j, ok := d.next(ctx)
		if !ok {
			return nil
		}
		all.Go(func() { d.do(ctx, j) })
	}
}

// next returns what is to be done, also once ctx has ended, until that is all:
// of an order that was taken just before, nobody else has the number of the card.
func (d *Service) next(ctx context.Context) (j job, ok bool) {
	select {
	case j = <-d.jobs:
		return j, true
	case <-ctx.Done():
	}
	select {
	case j = <-d.jobs:
		return j, true
	default:
		return j, false
	}
}

func (d *Service) do(ctx context.Context, j job) {
	// What was begun is not left half done because the program stops.
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	if !j.slot {
		defer func() { <-d.hurried }()
		if _, err := d.Settle(calls, j.payment.OrderID); err != nil {
			d.Log.WarnContext(ctx, "a payment will be looked at again", "payment", j.payment.ID, "error", err)
		}
		return
	}
	defer func() { <-d.slots }()
	if !j.doubt || d.committed(ctx, calls, j.payment) {
		d.request(ctx, calls, j)
	}
}

// committed waits until the database tells whether there is such a payment. That
// there is none is believed once the database has had time to commit it, for it may
// be at that yet though nobody listens any more; or once the program has to stop.
func (d *Service) committed(ctx, calls context.Context, p payment.Payment) bool {
	over := d.Clock().Add(commitTime)
	pauses := backoff.New(firstPause, lastPause, d.Random)
	for {
		_, err := d.find(calls, p.OrderID)
		if err == nil {
			return true
		}
		if errors.Is(err, payment.ErrNotFound) && (ctx.Err() != nil || !d.Clock().Before(over)) {
			return false
		}
		if !pause(ctx, calls, pauses.Next()) {
			return false
		}
	}
}

// request asks the gateway for a charge until it has an answer, or the payment
// has ended otherwise. ctx says when to hurry, calls when to give up. What was
// answered is never asked for again: where it cannot be written, that is tried
// again, and in the end recovery finds it at the gateway.
func (d *Service) request(ctx, calls context.Context, j job) {
	failing := outage.New(d.Log.With("payment", j.payment.ID), "request a payment")
	pauses := backoff.New(firstPause, lastPause, d.Random)
	reply := payment.Reply{Kind: payment.NotReached}
	for {
		if !certain(reply) {
			reply = d.Gateway.Request(calls, j.payment.UserID.String(), j.payment.ID.String(), pgwire.Request{
				OrderID: j.payment.OrderID.String(), CardType: j.payment.Card.Type, CardNo: j.number,
				Amount: int64(j.payment.Amount), CallbackURL: d.CallbackURL,
			})
		}
		err := d.answered(calls, j.payment, reply)
		if err == nil {
			failing.Recovered()
			return
		}
		failing.Failed(err)
		if !pause(ctx, calls, pauses.Next()) || !d.wanted(calls, j.payment.OrderID) {
			return
		}
	}
}

// pause waits before the gateway is asked again; for a moment only once the
// program has to stop, until it is time: nobody else has the card's number.
func pause(ctx, calls context.Context, long time.Duration) bool {
	return backoff.Wait(ctx, long) || backoff.Wait(calls, hurriedPause)
}

func certain(r payment.Reply) bool { return r.Kind == payment.Accepted || r.Kind == payment.Refused }

// answered writes what the gateway said. What is not certain is an error.
func (d *Service) answered(ctx context.Context, p payment.Payment, reply payment.Reply) error {
	switch reply.Kind {
	case payment.Accepted:
		t := reply.Transaction
		if t.Amount == 0 {
			t.Amount = int64(p.Amount) // the answer to a request does not repeat it
		}
		_, err := d.end(ctx, p.OrderID, []pgwire.Transaction{t}, nil, true) // it was cancelled meanwhile, perhaps
		return err
	case payment.Refused:
		return d.refuse(ctx, p.OrderID, reply.Reason)
	case payment.NotReached, payment.Uncertain:
	}
	return reply.Err
}

// refuse ends a payment that the gateway would not even take.
func (d *Service) refuse(ctx context.Context, orderID id.ID, reason string) error {
	var p payment.Payment
	return d.change(ctx, orderID, func(c *change) error {
		if c.payment.Status != payment.Pending || len(c.charges) > 0 {
			return nil // it has ended since, or there is a charge all the same
		}
		c.payment = c.payment.Record(c.now, payment.ActionRefused, reason, "")
		return c.fail(ctx, "", notTaken)
	}, &p)
}

// notTaken is what the customer is told. What the gateway said, which may be of
// the shop and not of the card, is for operators.
const notTaken = "the payment gateway did not take the card"

// wanted reports whether a payment is still to be requested.
func (d *Service) wanted(ctx context.Context, orderID id.ID) bool {
	p, err := d.find(ctx, orderID)
	return err != nil || p.Status == payment.Pending && !p.Late(d.Policy, d.Clock())
}
