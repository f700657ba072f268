package settle

import "context"

// outcome is how a payment ended.
type outcome uint8

const (
	undecided outcome = iota
	approved
	declined
	expired
	refunded
	refundedAtGateway
	outcomes // the number of outcomes
)

// Ended counts payments by how they ended.
type Ended struct{ Approved, Declined, Expired, Refunded, RefundedAtGateway int64 }

// Ended returns how many payments this Service has ended.
func (s *Service) Ended() Ended {
	n := func(o outcome) int64 { return s.ended[o].Load() }
	return Ended{n(approved), n(declined), n(expired), n(refunded), n(refundedAtGateway)}
}

// Exhausted returns how many payments had their card sent as often as it may be, without
// a definite answer.
func (s *Service) Exhausted() int64 { return s.exhausted.Load() }

// count counts a committed change.
func (s *Service) count(ctx context.Context, c *change) {
	if c.outcome == undecided {
		return
	}
	s.ended[c.outcome].Add(1)
	p := c.payment
	if c.outcome == refundedAtGateway {
		s.log.WarnContext(ctx, "the gateway gave back the money of an order without a request of the shop: cancel the order",
			"order", p.OrderID, "payment", p.ID, "charge", p.Key, "amount", int64(p.Amount))
	}
	s.log.DebugContext(ctx, "a payment has ended", "status", p.Status, "payment", p.ID, "order", p.OrderID, "charge", p.Key, "reason", p.Reason)
}
