// Package payment holds what a card pays of an order. An order has one payment
// at most; the gateway may hold several charges for it, because a request whose
// answer was lost is sent again. Judge says what the charges that the gateway
// tells of mean for the payment.
package payment

import (
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Faults of payments.
var (
	ErrNotFound = fault.New(fault.NotFound, "PAYMENT_NOT_FOUND", "no such payment")
	ErrEnded    = fault.New(fault.Conflict, "PAYMENT_ENDED", "the payment has ended already")
	ErrNoPay    = fault.New(fault.Conflict, "CHARGE_DOES_NOT_PAY", "the charge is being given back, was called off, or is of another amount")
	ErrNotDue   = fault.New(fault.Conflict, "REFUND_NOT_DUE", "no such charge of the payment has to be given back")
	ErrExists   = fault.New(fault.Conflict, "PAYMENT_EXISTS", "the order has a payment already")
)

// Status is how far a payment has come.
type Status string

// The statuses of a payment.
const (
	Pending  Status = "PENDING"  // requested, or about to be
	Approved Status = "APPROVED" // the card was charged
	Declined Status = "DECLINED" // it was not, and will not be
	Refunded Status = "REFUNDED" // what was charged was given back
)

// Card is what a payment keeps of a card.
type Card struct {
	Type  string
	Last4 string
}

// CardOf checks a card and returns what may be kept of it.
func CardOf(cardType string, number pgwire.CardNo) (Card, error) {
	var c fault.Check
	c.That(slices.Contains(pgwire.CardTypes(), cardType), "/payment/cardType", "must be one of %v", pgwire.CardTypes())
	c.That(number.Valid(), "/payment/cardNo", "must be dddd-dddd-dddd-dddd")
	return Card{cardType, number.Last4()}, c.Err()
}

// Payment is what a card pays of an order.
type Payment struct {
	ID        id.ID
	OrderID   id.ID
	UserID    id.ID
	Card      Card
	Amount    money.Won
	Status    Status
	Key       string // of the charge that decided it; empty while there is none
	Reason    string // why it was declined, or ended otherwise
	CreatedAt time.Time
	EndedAt   *time.Time // when it was no longer pending
	DueAt     *time.Time // when somebody looks after it next; nil: nobody has to

	unsaved []Note
}

// Note is a line in the history of a payment.
type Note struct {
	At     time.Time
	What   What
	Detail string
	Actor  string // who did it, where that was a person; else empty
}

// What happened to a payment.
type What string

// What may happen to a payment.
const (
	Placed    What = "PLACED"     // with its order; nobody has asked the gateway yet
	Requested What = "REQUESTED"  // the gateway has a charge
	Unheard   What = "UNHEARD"    // the gateway could not be asked, or said nothing that can be believed
	Refuse    What = "REFUSED"    // the gateway would not take the request
	Approve   What = "APPROVED"   //
	Decline   What = "DECLINED"   //
	Expire    What = "EXPIRED"    // not settled in time
	Cancel    What = "CANCELLED"  // its order was cancelled
	RefundDue What = "REFUND_DUE" // a charge has to be given back
	Refund    What = "REFUNDED"   // a charge was given back
	CalledOff What = "CALLED_OFF" // a charge will never take money
	ByHand    What = "BY_HAND"    // an operator said how it ended, or that a charge was given back
)

// New returns a payment that is to be requested.
func New(pid, orderID, user id.ID, card Card, amount money.Won, now time.Time, policy Policy) Payment {
	p := Payment{ID: pid, OrderID: orderID, UserID: user, Card: card, Amount: amount, Status: Pending, CreatedAt: now}
	return p.Note(now, Placed, "", "").Schedule(policy, false, now)
}

// Note returns the payment with a line more in its history.
func (p Payment) Note(now time.Time, what What, detail, actor string) Payment {
	p.unsaved = append(slices.Clone(p.unsaved), Note{now, what, detail, actor})
	return p
}

// Unsaved is the lines of the history that the table has not yet.
func (p Payment) Unsaved() []Note { return p.unsaved }

// Approve returns the payment paid by a charge.
func (p Payment) Approve(key string, now time.Time) (Payment, error) {
	return p.end(Approved, Approve, key, "", now)
}

// Decline returns the payment refused, by a charge or, without a key, by the
// gateway before there was one.
func (p Payment) Decline(key, reason string, now time.Time) (Payment, error) {
	return p.end(Declined, Decline, key, reason, now)
}

// Expire returns the payment given up because it took too long.
func (p Payment) Expire(reason string, now time.Time) (Payment, error) {
	return p.end(Declined, Expire, "", reason, now)
}

// CallOff returns the payment given up because its order was cancelled.
func (p Payment) CallOff(reason string, now time.Time) (Payment, error) {
	return p.end(Declined, Cancel, "", reason, now)
}

func (p Payment) end(status Status, what What, key, reason string, now time.Time) (Payment, error) {
	if p.Status != Pending {
		return p, ErrEnded.Because("the payment is %s already", p.Status)
	}
	p.Status, p.Key, p.Reason, p.EndedAt = status, key, reason, &now
	detail := key
	if reason != "" {
		detail = reason
	}
	return p.Note(now, what, detail, ""), nil
}

// GaveBack returns the payment after the gateway gave one of its charges back.
// The payment itself is REFUNDED if that was the charge that paid, or if the
// card was charged although the payment had been given up. A charge too many is
// given back beside one that stands; one that was called off before it took any
// money was none.
func (p Payment) GaveBack(c Charge, now time.Time) Payment {
	if c.Status != pgwire.Success {
		return p.Note(now, CalledOff, c.Key, "")
	}
	if c.Key == p.Key || p.Status == Declined {
		p.Status = Refunded
	}
	return p.Note(now, Refund, c.Key, "")
}

// RequestedEvent tells others that a card is to be charged.
func (p Payment) RequestedEvent() event.PaymentRequested {
	return event.PaymentRequested{Payment: p.about(p.Key)}
}

// ApprovedEvent tells others that the card was charged.
func (p Payment) ApprovedEvent() event.PaymentApproved {
	return event.PaymentApproved{Payment: p.about(p.Key)}
}

// DeclinedEvent tells others that the card was not charged, and will not be.
func (p Payment) DeclinedEvent() event.PaymentDeclined {
	return event.PaymentDeclined{Payment: p.about(p.Key), Reason: p.Reason}
}

// RefundedEvent tells others that a charge was given back.
func (p Payment) RefundedEvent(c Charge) event.PaymentRefunded {
	e := event.PaymentRefunded{Payment: p.about(c.Key)}
	e.Amount = int64(c.Amount)
	return e
}

func (p Payment) about(key string) event.Payment {
	return event.Payment{
		PaymentID: p.ID, OrderID: p.OrderID, UserID: p.UserID, Amount: int64(p.Amount),
		CardType: p.Card.Type, CardLast4: p.Card.Last4, TransactionKey: key,
	}
}
