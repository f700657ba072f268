// Package payment holds what a card pays of an order. An order has one payment
// at most; the gateway may hold several charges for it, because a request whose
// answer was lost is sent again. Judge says what the charges that the gateway
// tells of mean for the payment.
package payment

import (
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
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
func CardOf(cardType string, number cardno.Number) (Card, error) {
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

	unsaved []Entry
}

// Record is a line in the history of a payment.
type Entry struct {
	At     time.Time
	Action Action
	Detail string
	Actor  string // who did it, where that was a person; else empty
}

// Action happened to a payment.
type Action string

// Action may happen to a payment.
const (
	ActionPlaced       Action = "PLACED"     // with its order; nobody has asked the gateway yet
	ActionRequested    Action = "REQUESTED"  // the gateway has a charge
	GatewayUnavailable Action = "UNHEARD"    // the gateway could not be asked, or said nothing that can be believed
	ActionRefused      Action = "REFUSED"    // the gateway would not take the request
	ActionApproved     Action = "APPROVED"   //
	ActionDeclined     Action = "DECLINED"   //
	ActionExpired      Action = "EXPIRED"    // not settled in time
	ActionCancelled    Action = "CANCELLED"  // its order was cancelled
	ActionRefundDue    Action = "REFUND_DUE" // a charge has to be given back
	ActionRefunded     Action = "REFUNDED"   // a charge was given back
	ActionVoided       Action = "CALLED_OFF" // a charge will never take money
	ActionManual       Action = "BY_HAND"    // an operator said how it ended, or that a charge was given back
)

// New returns a payment that is to be requested.
func New(pid, orderID, user id.ID, card Card, amount money.Won, now time.Time, policy Policy) Payment {
	p := Payment{ID: pid, OrderID: orderID, UserID: user, Card: card, Amount: amount, Status: Pending, CreatedAt: now}
	return p.Record(now, ActionPlaced, "", "").Schedule(policy, false, now)
}

// Record returns the payment with a line more in its history.
func (p Payment) Record(now time.Time, what Action, detail, actor string) Payment {
	p.unsaved = append(slices.Clone(p.unsaved), Entry{now, what, detail, actor})
	return p
}

// UnsavedEntries is the lines of the history that the table has not yet.
func (p Payment) UnsavedEntries() []Entry { return p.unsaved }

// Approve returns the payment paid by a charge.
func (p Payment) Approve(key string, now time.Time) (Payment, error) {
	return p.end(Approved, ActionApproved, key, "", now)
}

// Decline returns the payment refused, by a charge or, without a key, by the
// gateway before there was one.
func (p Payment) Decline(key, reason string, now time.Time) (Payment, error) {
	return p.end(Declined, ActionDeclined, key, reason, now)
}

// Expire returns the payment given up because it took too long.
func (p Payment) Expire(reason string, now time.Time) (Payment, error) {
	return p.end(Declined, ActionExpired, "", reason, now)
}

// Cancel returns the payment given up because its order was cancelled.
func (p Payment) Cancel(reason string, now time.Time) (Payment, error) {
	return p.end(Declined, ActionCancelled, "", reason, now)
}

func (p Payment) end(status Status, what Action, key, reason string, now time.Time) (Payment, error) {
	if p.Status != Pending {
		return p, ErrEnded.Because("the payment is %s already", p.Status)
	}
	p.Status, p.Key, p.Reason, p.EndedAt = status, key, reason, &now
	detail := key
	if reason != "" {
		detail = reason
	}
	return p.Record(now, what, detail, ""), nil
}

// WithRefund returns the payment after the gateway gave one of its charges back.
// The payment itself is REFUNDED if that was the charge that paid, or if the
// card was charged although the payment had been given up. A charge too many is
// given back beside one that stands; one that was called off before it took any
// money was none.
func (p Payment) WithRefund(c Charge, now time.Time) Payment {
	if c.Status != pgwire.Success {
		return p.Record(now, ActionVoided, c.Key, "")
	}
	if c.Key == p.Key || p.Status == Declined {
		p.Status = Refunded
	}
	return p.Record(now, ActionRefunded, c.Key, "")
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
