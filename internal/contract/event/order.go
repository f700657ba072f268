package event

import (
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Order is the part that all order events have.
type Order struct {
	// OrderID is the order that the event is about.
	OrderID id.ID `json:"orderId"`
	// Version is the version of the order. It counts from 1, without gaps.
	Version int64 `json:"version" jsonschema:"minimum=1"`
	// UserID is the user who placed the order.
	UserID id.ID `json:"userId"`
	// Amount is the sum of the lines, in won.
	Amount int64 `json:"amount" jsonschema:"minimum=0"`
	// Lines are the products of the order, one line per product.
	Lines []Line `json:"lines" jsonschema:"minItems=1"`
}

// Line is one product of an order at the price it was sold for.
type Line struct {
	// ProductID is the product that was bought.
	ProductID int64 `json:"productId" jsonschema:"minimum=1"`
	// Quantity is how many pieces of it were bought.
	Quantity int64 `json:"quantity" jsonschema:"minimum=1"`
	// UnitPrice is the price of one piece, in won.
	UnitPrice int64 `json:"unitPrice" jsonschema:"minimum=0"`
}

// Topic implements Event.
func (Order) Topic() string { return OrderTopic }

// Key implements Event.
func (o Order) Key() string { return o.OrderID.String() }

// Sequence returns the version of the order.
func (o Order) Sequence() int64 { return o.Version }

func (o Order) check() error {
	if o.OrderID.IsZero() || o.Version < 1 || len(o.Lines) == 0 {
		return errors.New("orderId, version and lines are required")
	}
	for i, l := range o.Lines {
		if l.ProductID <= 0 || l.Quantity <= 0 || l.UnitPrice < 0 {
			return fmt.Errorf("line %d is invalid: %+v", i, l)
		}
	}
	return nil
}

// OrderPlaced says that stock, points and coupon were taken for a new order.
type OrderPlaced struct {
	Order
	// Discount is what the coupon takes off, in won.
	Discount int64 `json:"discount" jsonschema:"minimum=0"`
	// Points is what the user's points pay, in won.
	Points int64 `json:"points" jsonschema:"minimum=0"`
	// CardAmount is what a card is to pay, in won. The amount is the sum of the
	// discount, the points and the card's amount.
	CardAmount int64 `json:"cardAmount" jsonschema:"minimum=0"`
	// Coupon is the coupon that the order has used. It is absent if it used none.
	Coupon *Coupon `json:"coupon,omitempty"`
}

// Coupon is a coupon that an order has used.
type Coupon struct {
	// ID is the id of the coupon that the user owns.
	ID id.ID `json:"id"`
	// CouponID is the id of the coupon that was offered.
	CouponID id.ID `json:"couponId"`
	// Name is the name of the offer.
	Name string `json:"name"`
}

// Type implements Event.
func (OrderPlaced) Type() string { return "order.placed" }

// OrderPaid says that an order is paid in full. Its lines are counted as sales.
type OrderPaid struct {
	Order

	// PaidAt is the time of the payment. Its day is the day on which the lines are
	// counted. The time of the event is later, and may be on the next day.
	PaidAt time.Time `json:"paidAt"`
}

// Type implements Event.
func (OrderPaid) Type() string { return "order.paid" }

func (o OrderPaid) check() error {
	if o.PaidAt.IsZero() {
		return errors.New("paidAt is required")
	}
	return o.Order.check()
}

// OrderCancelled says that an order was cancelled, and that its stock, points and
// coupon were given back.
type OrderCancelled struct {
	Order
	// Reason is why the order was cancelled, as text for people.
	Reason string `json:"reason"`
	// PaidAt is the time of the payment; its lines are subtracted from the counters
	// of that day. It is null if the order was not paid.
	PaidAt *time.Time `json:"paidAt" jsonschema:"nullable"`
}

// Type implements Event.
func (OrderCancelled) Type() string { return "order.cancelled" }

// OrderFailed says that the payment of an order was declined, and that its stock,
// points and coupon were given back.
type OrderFailed struct {
	Order
	// Reason is why the payment was declined, as text for people.
	Reason string `json:"reason"`
}

// Type implements Event.
func (OrderFailed) Type() string { return "order.failed" }

// OrderExpired says that an order was not paid in time, and that its stock, points
// and coupon were given back.
type OrderExpired struct {
	Order
	// Reason says how long the shop waited, as text for people.
	Reason string `json:"reason"`
}

// Type implements Event.
func (OrderExpired) Type() string { return "order.expired" }
