package payment

import (
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
)

// Charge is a transaction at the gateway, as far as the shop knows it.
type Charge struct {
	Key     string // of the gateway; unique among the charges of an order
	OrderID id.ID
	Amount  money.Won
	Status  ChargeStatus
	Reason  string // of the gateway, for a person
	Refund  RefundState
}

// ChargeStatus is the state of a charge at the gateway.
type ChargeStatus string

// The statuses of a charge. Their texts are stored in the database.
const (
	ChargePending   ChargeStatus = "PENDING"   // accepted; the card is neither charged nor declined yet
	ChargeSucceeded ChargeStatus = "SUCCESS"   // the card was charged
	ChargeFailed    ChargeStatus = "FAILED"    // the card was declined; the reason says why
	ChargeCancelled ChargeStatus = "CANCELLED" // refunded or voided
)

// RefundState is how far the refund of a charge has come.
type RefundState string

// The states of a refund. Their texts are stored in the database.
const (
	NoRefund   RefundState = "NONE"
	RefundDue  RefundState = "DUE"  // decided; the gateway has not confirmed it yet
	RefundDone RefundState = "DONE" // refunded or voided
)

// IsManuallyRefunded reports whether an operator stated that the charge was refunded
// by other means. The gateway still has it as succeeded.
func (c Charge) IsManuallyRefunded() bool {
	return c.Status == ChargeSucceeded && c.Refund == RefundDone
}

// Live reports whether the charge took money, or may still do so.
func (c Charge) Live() bool { return c.Status == ChargeSucceeded || c.Status == ChargePending }

// Merge returns the charges of an order after the gateway reported some of them:
// all of them, oldest first, and those that changed or are new. reported is newest
// first, as the gateway lists them. A charge never returns to a status that it has
// left, because two processes may ask the gateway at the same time and write its
// answers in the other order.
func Merge(known, reported []Charge) (all, changed []Charge) {
	all = slices.Clone(known)
	for _, now := range slices.Backward(reported) {
		i := slices.IndexFunc(all, func(c Charge) bool { return c.Key == now.Key })
		if i < 0 {
			now.Refund = NoRefund
			all, changed = append(all, now), append(changed, now)
			continue
		}
		if now.Refund = all[i].Refund; all[i].becomes(now) {
			all[i], changed = now, append(changed, now)
		}
	}
	return all, changed
}

// becomes reports whether a known charge takes the reported state. A charge whose
// refund is due does not become cancelled here: the refund is written when the
// gateway confirms it to the process that asked for it.
func (c Charge) becomes(reported Charge) bool {
	order := []ChargeStatus{ChargePending, ChargeFailed, ChargeSucceeded, ChargeCancelled}
	if c.Status == ChargeSucceeded && c.Refund == RefundDue && reported.Status == ChargeCancelled {
		return false
	}
	return c != reported && slices.Index(order, reported.Status) >= slices.Index(order, c.Status)
}
