package event

import (
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Order is the part that all order events have.
type Order struct {
	OrderID id.ID  `json:"orderId"`
	Version int64  `json:"version"` // of the order, from 1, without gaps
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
	Discount   int64   `json:"discount"`
	Points     int64   `json:"points"`
	CardAmount int64   `json:"cardAmount"`
	Coupon     *Coupon `json:"coupon"` // that was used; null if none was
}

// Coupon is a coupon that an order has used.
type Coupon struct {
	ID       id.ID  `json:"id"`       // of the coupon that the user owns
	CouponID id.ID  `json:"couponId"` // of the offer
	Name     string `json:"name"`
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
	Reason string `json:"reason"`
	// PaidAt is the time of the payment; its lines are subtracted from the counters
	// of that day. It is null if the order was not paid.
	PaidAt *time.Time `json:"paidAt"`
}

// Type implements Event.
func (OrderCancelled) Type() string { return "order.cancelled" }

// OrderFailed says that the payment of an order was declined, and that its stock,
// points and coupon were given back.
type OrderFailed struct {
	Order
	Reason string `json:"reason"`
}

// Type implements Event.
func (OrderFailed) Type() string { return "order.failed" }

// OrderExpired says that an order was not paid in time, and that its stock, points
// and coupon were given back.
type OrderExpired struct {
	Order
	Reason string `json:"reason"`
}

// Type implements Event.
func (OrderExpired) Type() string { return "order.expired" }
