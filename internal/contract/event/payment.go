package event

import (
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Payment is the part that all payment events have. They have the topic and the key
// of the order's events, so that they stay in order with them. They have no sequence,
// because they do not change the version of the order.
type Payment struct {
	// PaymentID is the payment. An order has at most one.
	PaymentID id.ID `json:"paymentId"`
	// OrderID is the order that the payment is for.
	OrderID id.ID `json:"orderId"`
	// UserID is the user who placed the order.
	UserID id.ID `json:"userId"`
	// Amount is what the card pays, in won.
	Amount int64 `json:"amount" jsonschema:"minimum=1"`
	// CardType is the card's company.
	CardType string `json:"cardType" jsonschema_extras:"x-extensible-enum=SAMSUNG,x-extensible-enum=KB,x-extensible-enum=HYUNDAI"`
	// CardLast4 has the last four digits of the card's number.
	CardLast4 string `json:"cardLast4" jsonschema:"pattern=^[0-9]{4}$"`
	// TransactionKey is the key of the charge at the gateway. It is empty if there is
	// no charge.
	TransactionKey string `json:"transactionKey"`
}

// Topic implements Event.
func (Payment) Topic() string { return OrderTopic }

// Key implements Event.
func (p Payment) Key() string { return p.OrderID.String() }

func (p Payment) check() error {
	if p.PaymentID.IsZero() || p.OrderID.IsZero() || p.Amount <= 0 {
		return errors.New("paymentId, orderId and amount must be there")
	}
	return nil
}

// PaymentRequested says that a card is to be charged for an order.
type PaymentRequested struct{ Payment }

// Type implements Event.
func (PaymentRequested) Type() string { return "payment.requested" }

// PaymentApproved says that the card was charged.
type PaymentApproved struct{ Payment }

// Type implements Event.
func (PaymentApproved) Type() string { return "payment.approved" }

// PaymentDeclined says that the card is not charged: the gateway declined, or it took
// too long, or the order was cancelled.
type PaymentDeclined struct {
	Payment
	// Reason is why the card is not charged, as text for people.
	Reason string `json:"reason"`
}

// Type implements Event.
func (PaymentDeclined) Type() string { return "payment.declined" }

// PaymentRefunded says that a charge was refunded: the one of an order that was
// cancelled, one that was made twice or too late, or one that the gateway refunded on its
// own.
type PaymentRefunded struct {
	Payment
	// AtGateway is true if the gateway gave the money of an order back without a request
	// of the shop, for example in its console. The order stays as it is until somebody
	// cancels it.
	AtGateway bool `json:"atGateway,omitempty"`
}

// Type implements Event.
func (PaymentRefunded) Type() string { return "payment.refunded" }
