// Package order holds orders: their lines, how they are paid, and their states.
package order

import (
	"context"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Faults of orders.
var (
	ErrNotFound   = fault.New(fault.NotFound, "ORDER_NOT_FOUND", "no such order")
	ErrTransition = fault.New(fault.Conflict, "ORDER_STATE", "the order's state does not allow this")
	ErrFunds      = fault.New(fault.Invalid, "POINTS_DIFFER", "points must be what the order costs, or less if a card pays the rest")
)

// Status is the state of an order.
type Status string

// The states of an order.
const (
	Pending   Status = "PENDING"   // stock, points and coupon are taken; the card payment is pending
	Paid      Status = "PAID"      // paid in full
	Cancelled Status = "CANCELLED" // cancelled by the customer, and compensated
	Failed    Status = "FAILED"    // the card was declined; compensated
	Expired   Status = "EXPIRED"   // not paid in time; compensated
)

// Live reports whether an order in this state holds stock, points and coupon.
func (s Status) Live() bool { return s == Pending || s == Paid }

// next returns the states that may follow. All other transitions are errors.
func (s Status) next() []Status {
	switch s {
	case Pending:
		return []Status{Paid, Failed, Expired, Cancelled}
	case Paid:
		return []Status{Cancelled}
	default:
		return nil
	}
}

// Change is one step in an order's history.
type Change struct {
	Status Status
	Reason string
	At     time.Time
}

// Line is one product of an order, as it was sold.
type Line struct {
	ProductID int64
	Name      string
	Price     money.Won // of one piece
	Quantity  int64
}

// Order is a purchase. Its state and version are the last step and the length of its
// history, which only New, Restore, Pay, Fail, Expire and Cancel can write. The
// exported fields are the terms of the sale. Go does not protect them: only this
// package, and a Table that reads an order, write to them. WithPayment alone replaces
// one later: the payment, when the order is placed or cancelled.
type Order struct {
	ID        id.ID
	UserID    id.ID
	Lines     []Line
	Amount    money.Won        // sum of the lines
	Discount  money.Won        // of the coupon
	Points    money.Won        // paid by points
	Card      money.Won        // paid by card: Amount - Discount = Points + Card
	Coupon    *Coupon          // nil: no coupon was used
	Payment   *payment.Payment // by card; nil: no card pays
	CreatedAt time.Time

	history []Change
	saved   int // steps of the history that the table has
}

// New returns a pending order of lines with their prices. Points pay all of it, until
// FundedBy says otherwise.
func New(oid, user id.ID, lines []Line, now time.Time) (Order, error) {
	o := Order{ID: oid, UserID: user, Lines: lines, CreatedAt: now}
	for _, l := range lines {
		sum, err := l.Price.Times(l.Quantity)
		if err != nil {
			return Order{}, err
		}
		if o.Amount, err = o.Amount.Plus(sum); err != nil {
			return Order{}, err
		}
	}
	o.Points = o.Amount
	o.history = []Change{{Status: Pending, At: now}}
	return o, nil
}

// Coupon is the part of a used coupon that its order keeps.
type Coupon struct {
	ID       id.ID // of the owned coupon
	CouponID id.ID // of the coupon that it was issued from
	Name     string
}

// Total returns the amount less the discount: what points and card pay.
func (o Order) Total() money.Won { return o.Amount - o.Discount }

// FundedBy returns the order paid by a discount, points, and a card for the rest. It
// ends in ErrFunds if discount and points are more than the order costs.
func (o Order) FundedBy(discount, points money.Won) (Order, error) {
	if discount < 0 || points < 0 || discount > o.Amount || points > o.Amount-discount {
		return o, ErrFunds.Because("points is %d, the order costs %d", points, o.Amount-discount)
	}
	o.Discount, o.Points, o.Card = discount, points, o.Amount-discount-points
	return o, nil
}

// WithCoupon returns the order with the coupon that was used for it.
func (o Order) WithCoupon(c Coupon) Order {
	o.Coupon = &c
	return o
}

// WithPayment returns the order with its card payment as it is now.
func (o Order) WithPayment(p payment.Payment) Order {
	o.Payment = &p
	return o
}

// Restore returns an order with the history that a table has.
func Restore(o Order, history []Change) Order {
	o.history, o.saved = history, len(history)
	return o
}

// Status returns the state of the order: that of the last step.
func (o Order) Status() Status {
	if len(o.history) == 0 {
		return ""
	}
	return o.history[len(o.history)-1].Status
}

// Version returns the number of steps: 1 for a new order.
func (o Order) Version() int64 { return int64(len(o.history)) }

// History returns every step, oldest first.
func (o Order) History() []Change { return o.history }

// Unsaved returns the steps that the table does not have yet.
func (o Order) Unsaved() []Change { return o.history[o.saved:] }

// exact is how exact times in the database and in events are: an event has the same time whether
// its order was read or just changed.
const exact = time.Microsecond

// PaidAt returns when the order was paid, or nil.
func (o Order) PaidAt() *time.Time {
	for _, c := range o.history {
		if c.Status == Paid {
			at := c.At.Truncate(exact)
			return &at
		}
	}
	return nil
}

// Pay returns the order paid in full.
func (o Order) Pay(now time.Time) (Order, error) { return o.become(Paid, "", now) }

// Fail returns the order failed, because the card was declined.
func (o Order) Fail(reason string, now time.Time) (Order, error) {
	return o.become(Failed, reason, now)
}

// Expire returns the order expired, because it was not paid in time.
func (o Order) Expire(reason string, now time.Time) (Order, error) {
	return o.become(Expired, reason, now)
}

// Cancel returns the order cancelled.
func (o Order) Cancel(reason string, now time.Time) (Order, error) {
	return o.become(Cancelled, reason, now)
}

func (o Order) become(next Status, reason string, now time.Time) (Order, error) {
	if slices.Contains(o.Status().next(), next) {
		// A clone: two copies of one order must not share a history.
		o.history = append(slices.Clone(o.history), Change{next, reason, now})
		return o, nil
	}
	return o, ErrTransition.Because("an order that is %s cannot become %s", o.Status(), next)
}

// PlacedEvent returns the event of a new order, at version 1.
func (o Order) PlacedEvent() event.OrderPlaced {
	e := event.OrderPlaced{Order: o.about(1), Discount: int64(o.Discount), Points: int64(o.Points), CardAmount: int64(o.Card)}
	if c := o.Coupon; c != nil {
		e.Coupon = &event.Coupon{ID: c.ID, CouponID: c.CouponID, Name: c.Name}
	}
	return e
}

// PaidEvent returns the event of an order whose last step was its payment.
func (o Order) PaidEvent() event.OrderPaid {
	last := o.history[len(o.history)-1]
	return event.OrderPaid{Order: o.about(o.Version()), PaidAt: last.At.Truncate(exact)}
}

// EndEvent returns the event of an order whose last step was its end: failed, expired
// or cancelled.
func (o Order) EndEvent() event.Event {
	about, reason := o.about(o.Version()), o.history[len(o.history)-1].Reason
	switch o.Status() {
	case Failed:
		return event.OrderFailed{Order: about, Reason: reason}
	case Expired:
		return event.OrderExpired{Order: about, Reason: reason}
	default:
		return event.OrderCancelled{Order: about, Reason: reason, PaidAt: o.PaidAt()}
	}
}

func (o Order) about(version int64) event.Order {
	e := event.Order{OrderID: o.ID, Version: version, UserID: o.UserID, Amount: int64(o.Amount)}
	for _, l := range o.Lines {
		e.Lines = append(e.Lines, event.Line{ProductID: l.ProductID, Quantity: l.Quantity, UnitPrice: int64(l.Price)})
	}
	return e
}

// Table keeps orders.
type Table interface {
	// Add queues new orders with their lines and their histories so far.
	Add(orders ...Order)
	// Save queues the steps of the history that are new.
	Save(o Order)
	// Lock returns an order, locked until the transaction ends.
	Lock(ctx context.Context, oid id.ID) (Order, error)
	// Get returns an order without a lock.
	Get(ctx context.Context, oid id.ID) (Order, error)
	// Of returns up to limit orders of a user that are older than the order named,
	// newest first, and whether there are more. The zero id means the beginning. Orders
	// with many lines are fewer, at least one.
	Of(ctx context.Context, user id.ID, before id.ID, limit int) (found []Order, more bool, err error)
}
