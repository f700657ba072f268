package checkout

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Operator is who cancels the order of a customer, and why.
type Operator struct {
	Name   string // of the login; customers do not see it
	Reason string // 1 to MaxReason characters; customers see it
}

// cancelledByOperator begins the reason of an order that an operator has cancelled.
const cancelledByOperator = "cancelled by an operator: "

// CancelByOperator cancels the order of any user, as Cancel does for its own user. The
// history of the order says that an operator did it, and that of its payment, which
// customers do not see, says who.
func (s *Service) CancelByOperator(ctx context.Context, orderID id.ID, by Operator, guard store.Guard) (order.Order, error) {
	var c fault.Check
	reason := cardno.Mask(c.Text("/reason", text.Prose(by.Reason, 1, MaxReason))) // it is stored and published
	c.That(by.Name != "", "/actor", "must be the name of the operator")
	if err := c.Err(); err != nil {
		return order.Order{}, err
	}
	return s.cancelFor(ctx, canceller{operator: by.Name, reason: cancelledByOperator + reason}, orderID, guard)
}

// noted returns the order with the operator in the history of its payment.
func (c canceller) noted(o order.Order, at time.Time) order.Order {
	if c.operator == "" {
		return o
	}
	return o.WithPayment(o.Payment.Record(at, payment.ActionManual, c.reason, c.operator))
}
