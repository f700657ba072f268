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
	outcomes // the number of outcomes
)

// Ended counts payments by how they ended.
type Ended struct{ Approved, Declined, Expired, Refunded int64 }

// Ended returns how many payments this Service has ended.
func (s *Service) Ended() Ended {
	return Ended{s.ended[approved].Load(), s.ended[declined].Load(), s.ended[expired].Load(), s.ended[refunded].Load()}
}

// count counts a committed change.
func (s *Service) count(ctx context.Context, c *change) {
	if c.outcome == undecided {
		return
	}
	s.ended[c.outcome].Add(1)
	p := c.payment
	s.log.DebugContext(ctx, "a payment has ended", "status", p.Status, "payment", p.ID, "order", p.OrderID, "charge", p.Key, "reason", p.Reason)
}
