package payment

import "time"

// Policy says when payments are checked.
type Policy struct {
	Interval time.Duration // between two checks of a payment
	Expiry   time.Duration // how long a payment may stay pending
	Watch    time.Duration // how long an ended payment is checked for late charges
}

// DefaultPolicy returns the policy of a shop that sets none.
func DefaultPolicy() Policy {
	return Policy{Interval: 5 * time.Minute, Expiry: 15 * time.Minute, Watch: 24 * time.Hour}
}

// Late reports whether the time of a pending payment is up.
func (p Payment) Late(policy Policy, now time.Time) bool {
	return p.Status == Pending && !now.Before(p.CreatedAt.Add(policy.Expiry))
}

// Schedule returns the payment with the time of its next check. A pending payment is
// checked at every interval, and when its time is up. An ended one is checked at
// growing intervals until Policy.Watch has passed, because a request that seemed lost
// may still be charged. An approved one is checked at some more times, because the
// gateway may give the money back on its own: see approvedChecks. A payment with a refund
// due is checked without an end.
func (p Payment) Schedule(policy Policy, refundDue bool, now time.Time) Payment {
	next := now.Add(policy.Interval)
	switch {
	case refundDue:
	case p.Status == Pending:
		if up := p.CreatedAt.Add(policy.Expiry); up.After(now) && up.Before(next) {
			next = up
		}
	case p.EndedAt != nil:
		p.DueAt = p.nextWatch(policy, now)
		return p
	}
	p.DueAt = &next
	return p
}

// approvedChecks are the ages, since its approval, at which a payment is checked in any
// case. Most refunds in a gateway's console are made at once, by mistake, or within days,
// after a complaint.
func approvedChecks() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{time.Minute, day, 3 * day, 7 * day}
}

// nextWatch returns when a payment that has ended is checked next; nil: never.
func (p Payment) nextWatch(policy Policy, now time.Time) (next *time.Time) {
	since := now.Sub(*p.EndedAt)
	if since < policy.Watch {
		at := now.Add(max(policy.Interval, since))
		next = &at
	}
	if p.Status != Approved {
		return next
	}
	for _, age := range approvedChecks() {
		if at := p.EndedAt.Add(age); at.After(now) && (next == nil || at.Before(*next)) {
			return &at
		}
	}
	return next
}

// DueNow returns the payment due for a check now.
func (p Payment) DueNow(now time.Time) Payment {
	p.DueAt = &now
	return p
}
