package payment

import "time"

// Policy is how payments are looked after.
type Policy struct {
	Interval time.Duration // from one look at a payment to the next
	Expiry   time.Duration // how long a payment may take
	Watch    time.Duration // how long an ended one is watched for charges that come late
}

// DefaultPolicy is what the contract says; how long to watch is ours to say.
func DefaultPolicy() Policy {
	return Policy{Interval: 5 * time.Minute, Expiry: 15 * time.Minute, Watch: 24 * time.Hour}
}

// Late reports whether the payment's time is up.
func (p Payment) Late(policy Policy, now time.Time) bool {
	return p.Status == Pending && !now.Before(p.CreatedAt.Add(policy.Expiry))
}

// Schedule returns the payment with the moment of the next look at it. One that
// is pending is looked at in every interval, and the moment its time is up. One
// that has ended is watched, less and less often: a request that was believed
// lost may still be charged. While a charge has to be given back, there is no end.
func (p Payment) Schedule(policy Policy, refundDue bool, now time.Time) Payment {
	next := now.Add(policy.Interval)
	switch {
	case refundDue:
	case p.Status == Pending:
		if up := p.CreatedAt.Add(policy.Expiry); up.After(now) && up.Before(next) {
			next = up
		}
	case p.EndedAt != nil:
		since := now.Sub(*p.EndedAt)
		if since >= policy.Watch {
			p.DueAt = nil
			return p
		}
		next = now.Add(max(policy.Interval, since))
	}
	p.DueAt = &next
	return p
}

// DueNow returns the payment due now.
func (p Payment) DueNow(now time.Time) Payment {
	p.DueAt = &now
	return p
}
