package payment

import "slices"

// Obligation is what an order needs from its payment.
type Obligation uint8

// The obligations.
const (
	AwaitingPayment Obligation = iota // the order waits to be paid
	AlreadyPaid                       // the charge that the payment names has paid the order
	MustRefund                        // the order is dead: every charge is refunded or voided
)

// Outcome is what becomes of a payment.
type Outcome uint8

// The outcomes.
const (
	Wait         Outcome = iota // nothing changes: there is no decision yet, or there was one before
	BecomePaid                  // by the charge Verdict.By
	BecomeFailed                // by the charge Verdict.By
	BecomeExpired
)

// Verdict is what the charges of a payment mean for it.
type Verdict struct {
	Outcome Outcome
	By      Charge   // the charge that decided, if one did
	Refund  []Charge // the charges to refund or void
}

// Judge decides what the known charges mean for a payment, and which of them are
// refunded or voided. No other function decides that. late reports that the time of the
// payment is up.
//
// A charge decides only if it has the payment's amount and no refund. Every charge
// that took money or may still do so is refunded or voided, except the one that pays.
func Judge(need Obligation, p Payment, charges []Charge, late bool) Verdict {
	switch need {
	case AlreadyPaid:
		return Verdict{Refund: refundable(charges, p.Key)}
	case MustRefund:
		return Verdict{Refund: refundable(charges, "")}
	case AwaitingPayment:
	}
	ours := filter(charges, func(c Charge) bool { return c.Amount == p.Amount && c.Refund == NoRefund })
	v := decide(ours, late)
	if v.Outcome == Wait {
		v.Refund = filter(refundable(charges, ""), func(c Charge) bool { return c.Amount != p.Amount })
		return v
	}
	keep := ""
	if v.Outcome == BecomePaid {
		keep = v.By.Key
	}
	v.Refund = refundable(charges, keep)
	return v
}

// decide returns the outcome of a payment that waits for one of its charges. The
// last failure gives the reason: it is the one that the customer has just seen.
func decide(ours []Charge, late bool) Verdict {
	succeeded := slices.IndexFunc(ours, func(c Charge) bool { return c.Status == ChargeSucceeded })
	_, isOpen := last(ours, ChargePending)
	failed, isFailed := last(ours, ChargeFailed)
	cancelled, isCancelled := last(ours, ChargeCancelled)
	switch {
	case succeeded >= 0:
		return Verdict{Outcome: BecomePaid, By: ours[succeeded]}
	case isFailed && !isOpen:
		return Verdict{Outcome: BecomeFailed, By: failed}
	case late:
		return Verdict{Outcome: BecomeExpired}
	case isCancelled && !isOpen:
		return Verdict{Outcome: BecomeFailed, By: cancelled}
	default:
		return Verdict{}
	}
}

// refundable returns the live charges without a refund, except the one to keep.
func refundable(charges []Charge, keep string) []Charge {
	return filter(charges, func(c Charge) bool { return c.Live() && c.Refund == NoRefund && c.Key != keep })
}

func last(charges []Charge, status ChargeStatus) (found Charge, ok bool) {
	for _, c := range charges {
		if c.Status == status {
			found, ok = c, true
		}
	}
	return found, ok
}

func filter(charges []Charge, is func(Charge) bool) (found []Charge) {
	for _, c := range charges {
		if is(c) {
			found = append(found, c)
		}
	}
	return found
}
