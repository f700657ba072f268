// Package payment holds the card payment of an order, and the charges that the
// payment gateway has for it. An order has at most one payment. The gateway may
// have several charges for one payment, because a request whose answer was lost
// is sent again. Judge decides what the charges mean for the payment.
//
// These words have one meaning in all packages:
//
//   - charge: a transaction at the gateway. It takes money when it succeeds.
//   - void: cancel a charge before it takes money.
//   - refund: give back the money that a charge took. A refund is due
//     (RefundDue) once the shop has decided it, and done (RefundDone) once the
//     gateway, or an operator, has confirmed it. A charge that is pending when
//     its refund is due is voided.
//   - compensate: give back what the sale of an order took from the shop: stock,
//     points and coupon. Package checkout does this.
//   - manual settlement: an operator states how a payment or a refund ended.
package payment

import (
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Faults of payments.
var (
	ErrNotFound = fault.New(fault.NotFound, "PAYMENT_NOT_FOUND", "no such payment")
	ErrEnded    = fault.New(fault.Conflict, "PAYMENT_ENDED", "the payment has ended already")
	ErrNoPay    = fault.New(fault.Conflict, "CHARGE_DOES_NOT_PAY", "the charge is cancelled, its refund is due or done, or it has another amount")
	ErrNotDue   = fault.New(fault.Conflict, "REFUND_NOT_DUE", "the payment has no such charge whose refund is due")
	ErrExists   = fault.New(fault.Conflict, "PAYMENT_EXISTS", "the order has a payment already")
)

// Status is the state of a payment.
type Status string

// The statuses of a payment.
const (
	Pending  Status = "PENDING"  // no outcome yet
	Approved Status = "APPROVED" // the card was charged
	Declined Status = "DECLINED" // the card was not charged, and will not be
	Refunded Status = "REFUNDED" // the card was charged, and the money was given back
)

// Payment is the part of an order's price that a card pays. Its methods return a
// changed copy and add a line to its history.
type Payment struct {
	ID        id.ID
	OrderID   id.ID
	UserID    id.ID
	Card      Card
	Amount    money.Won
	Status    Status
	Key       string // of the charge that decided the payment; empty if none did
	Reason    string // why the payment was declined
	CreatedAt time.Time
	EndedAt   *time.Time // when it left the status Pending
	DueAt     *time.Time // when recovery checks it next; nil: never
	Contact   Contact    // with the gateway
	// AttentionAt is since when an operator has to end the order: it is paid, and the
	// gateway gave the money back on its own. nil: there is nothing to do.
	AttentionAt *time.Time

	unsaved []Entry
}

// Entry is a line in the history of a payment.
type Entry struct {
	At     time.Time
	Action Action
	Detail string
	Actor  string // the operator who did it; empty if the shop did
}

// Action is what happened to a payment.
type Action string

// The actions. Their texts are stored in the database.
const (
	ActionPlaced       Action = "PLACED"     // the order was placed; the gateway was not asked yet
	ActionRequested    Action = "REQUESTED"  // the gateway has a charge
	GatewayUnavailable Action = "UNHEARD"    // the gateway did not answer, or its answer was not usable
	ActionRefused      Action = "REFUSED"    // the gateway refused the request
	ActionApproved     Action = "APPROVED"   // the card was charged
	ActionDeclined     Action = "DECLINED"   // the card was declined
	ActionExpired      Action = "EXPIRED"    // the payment was not settled in time
	ActionCancelled    Action = "CANCELLED"  // the order was cancelled
	ActionRefundDue    Action = "REFUND_DUE" // a charge must be refunded or voided
	ActionRefunded     Action = "REFUNDED"   // a charge was refunded
	ActionVoided       Action = "CALLED_OFF" // a charge was voided: it never took money
	ActionManual       Action = "BY_HAND"    // an operator settled the payment or a refund
	// RefundedAtGateway: the gateway refunded the charge that paid, without a request of
	// the shop.
	RefundedAtGateway Action = "REFUNDED_AT_GATEWAY"
)

// New returns a pending payment, scheduled by the policy.
func New(pid, orderID, user id.ID, card Card, amount money.Won, now time.Time, policy Policy) Payment {
	p := Payment{ID: pid, OrderID: orderID, UserID: user, Card: card, Amount: amount, Status: Pending, CreatedAt: now}
	return p.Record(now, ActionPlaced, "", "").Schedule(policy, false, now)
}

// Record returns the payment with one more line in its history.
func (p Payment) Record(now time.Time, what Action, detail, actor string) Payment {
	p.unsaved = append(slices.Clone(p.unsaved), Entry{now, what, detail, actor})
	return p
}

// UnsavedEntries returns the lines of the history that the table does not have yet.
func (p Payment) UnsavedEntries() []Entry { return p.unsaved }

// Approve returns the payment paid by the charge with the key.
func (p Payment) Approve(key string, now time.Time) (Payment, error) {
	return p.end(Approved, ActionApproved, key, "", now)
}

// Decline returns the payment declined by the charge with the key. The key is empty
// if the gateway refused the request, so that there is no charge.
func (p Payment) Decline(key, reason string, now time.Time) (Payment, error) {
	return p.end(Declined, ActionDeclined, key, reason, now)
}

// Expire returns the payment declined because it was not settled in time.
func (p Payment) Expire(reason string, now time.Time) (Payment, error) {
	return p.end(Declined, ActionExpired, "", reason, now)
}

// Cancel returns the payment declined because its order was cancelled.
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

// WithRefundsDue returns the charges marked as due for a refund, and the payment with
// a line in its history for each of them.
func (p Payment) WithRefundsDue(charges []Charge, now time.Time) (Payment, []Charge) {
	marked := slices.Clone(charges)
	for i, c := range marked {
		marked[i].Refund = RefundDue
		p = p.Record(now, ActionRefundDue, c.Key, "")
	}
	return p, marked
}

// WithRefund returns the payment after one of its charges was refunded or voided.
// c is the charge before that. The payment becomes Refunded if c paid it, or if c
// took money although the payment was declined. The refund of a surplus charge does
// not change the status, and neither does a void.
func (p Payment) WithRefund(c Charge, now time.Time) Payment {
	if c.Status != ChargeSucceeded {
		return p.Record(now, ActionVoided, c.Key, "")
	}
	if c.Key == p.Key || p.Status == Declined {
		p.Status = Refunded
	}
	return p.Record(now, ActionRefunded, c.Key, "")
}

// WithGatewayRefund handles a charge that paid the payment and that the gateway
// refunded without a request of the shop, for example in the gateway's console. It
// returns the payment as refunded, and that charge with its refund done. ok is false
// if there is no such charge.
func (p Payment) WithGatewayRefund(charges []Charge, now time.Time) (_ Payment, paid Charge, ok bool) {
	i := slices.IndexFunc(charges, func(c Charge) bool {
		return c.Key == p.Key && c.Status == ChargeCancelled && c.Refund == NoRefund
	})
	if p.Status != Approved || i < 0 {
		return p, Charge{}, false
	}
	paid = charges[i]
	paid.Refund = RefundDone
	p.Status = Refunded
	return p.Record(now, RefundedAtGateway, paid.Key, ""), paid, true
}

// ForAttention returns the payment as one whose order an operator has to end.
func (p Payment) ForAttention(now time.Time) Payment {
	p.AttentionAt = &now
	return p
}

// Attended returns the payment with nothing left to do for an operator.
func (p Payment) Attended() Payment {
	p.AttentionAt = nil
	return p
}

// RequestedEvent returns the event that the payment was requested.
func (p Payment) RequestedEvent() event.PaymentRequested {
	return event.PaymentRequested{Payment: p.about(p.Key)}
}

// ApprovedEvent returns the event that the card was charged.
func (p Payment) ApprovedEvent() event.PaymentApproved {
	return event.PaymentApproved{Payment: p.about(p.Key)}
}

// DeclinedEvent returns the event that the card was not charged, and will not be.
func (p Payment) DeclinedEvent() event.PaymentDeclined {
	return event.PaymentDeclined{Payment: p.about(p.Key), Reason: p.Reason}
}

// RefundedEvent returns the event that a charge was refunded.
func (p Payment) RefundedEvent(c Charge) event.PaymentRefunded {
	e := event.PaymentRefunded{Payment: p.about(c.Key)}
	e.Amount = int64(c.Amount)
	return e
}

// RefundedAtGatewayEvent returns the event that the gateway refunded a charge without a
// request of the shop.
func (p Payment) RefundedAtGatewayEvent(c Charge) event.PaymentRefunded {
	e := p.RefundedEvent(c)
	e.AtGateway = true
	return e
}

func (p Payment) about(key string) event.Payment {
	return event.Payment{
		PaymentID: p.ID, OrderID: p.OrderID, UserID: p.UserID, Amount: int64(p.Amount),
		CardType: p.Card.Type, CardLast4: p.Card.Last4, TransactionKey: key,
	}
}
