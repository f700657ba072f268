package event

import (
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Order is what every order event tells: which order, in which version, and
// what it is about.
type Order struct {
	OrderID id.ID  `json:"orderId"`
	Version int64  `json:"version"` // of the order, from 1 on without gaps
	UserID  id.ID  `json:"userId"`
	Amount  int64  `json:"amount"` // sum of the lines, in won
	Lines   []Line `json:"lines"`
}

// Line is one product of an order at the price it was sold for.
type Line struct {
	ProductID int64 `json:"productId"`
	Quantity  int64 `json:"quantity"`
	UnitPrice int64 `json:"unitPrice"` // won
}

// Topic implements Event.
func (Order) Topic() string { return OrderTopic }

// Key implements Event.
func (o Order) Key() string { return o.OrderID.String() }

// Sequence is the order's version.
func (o Order) Sequence() int64 { return o.Version }

func (o Order) check() error {
	if o.OrderID.IsZero() || o.Version < 1 || len(o.Lines) == 0 {
		return errors.New("orderId, version and lines must be there")
	}
	for i, l := range o.Lines {
		if l.ProductID <= 0 || l.Quantity <= 0 || l.UnitPrice < 0 {
			return fmt.Errorf("line %d makes no sense: %+v", i, l)
		}
	}
	return nil
}

// OrderPlaced says that stock, points and coupon were taken for a new order.
type OrderPlaced struct {
	Order
	Discount   int64 `json:"discount"`
	Points     int64 `json:"points"`
	CardAmount int64 `json:"cardAmount"`
}

// Type implements Event.
func (OrderPlaced) Type() string { return "order.placed" }

// OrderPaid says that an order is paid in full: from now on its lines count.
type OrderPaid struct {
	Order

	// PaidAt is when that was, and so on which day the lines count. The event
	// itself is a moment later, which midnight may lie between.
	PaidAt time.Time `json:"paidAt"`
}

// Type implements Event.
func (OrderPaid) Type() string { return "order.paid" }

func (o OrderPaid) check() error {
	if o.PaidAt.IsZero() {
		return errors.New("paidAt must be there")
	}
	return o.Order.check()
}

// OrderCancelled says that an order was called off and gave back what it took.
type OrderCancelled struct {
	Order
	Reason string `json:"reason"`
	// PaidAt is when the order was paid, to take its lines back from the day
	// they count on; null if it never was.
	PaidAt *time.Time `json:"paidAt"`
}

// Type implements Event.
func (OrderCancelled) Type() string { return "order.cancelled" }

// OrderFailed says that the payment of an order was declined, and that the
// order gave back what it took.
type OrderFailed struct {
	Order
	Reason string `json:"reason"`
}

// Type implements Event.
func (OrderFailed) Type() string { return "order.failed" }

// OrderExpired says that an order was not paid in time, and gave back what it took.
type OrderExpired struct {
	Order
	Reason string `json:"reason"`
}

// Type implements Event.
func (OrderExpired) Type() string { return "order.expired" }
