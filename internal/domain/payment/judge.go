package payment

import (
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Charge is a transaction at the gateway, as far as the shop has heard of it.
type Charge struct {
	Key     string // unique among the charges of its order
	OrderID id.ID
	Amount  money.Won
	Status  pgwire.Status
	Reason  string
	Refund  RefundState
}

// RefundState is whether a charge is given back.
type RefundState string

// The states of giving back.
const (
	NoRefund RefundState = "NONE"
	Due      RefundState = "DUE"  // decided, and to be done at the gateway
	Done     RefundState = "DONE" // the gateway has given it back, or never took it
)

// RefundedElsewhere reports whether an operator said that the charge was given back by
// other means: the gateway goes on having it.
func (c Charge) RefundedElsewhere() bool { return c.Status == pgwire.Success && c.Refund == Done }

// Live reports whether the charge takes money, or may yet.
func (c Charge) Live() bool { return c.Status == pgwire.Success || c.Status == pgwire.Pending }

// WithRefundsDue returns the charges marked as due to be given back, and the payment
// with a note of each.
func (p Payment) WithRefundsDue(charges []Charge, now time.Time) (Payment, []Charge) {
	marked := slices.Clone(charges)
	for i, c := range marked {
		marked[i].Refund = Due
		p = p.Record(now, ActionRefundDue, c.Key, "")
	}
	return p, marked
}

// RefundedElsewhere returns the payment given back, and the charge that paid it
// marked so, if somebody else had the gateway give that charge back; ok is false
// if nobody did. It matters when the order dies: there is nothing left to do.
func (p Payment) RefundedElsewhere(charges []Charge, now time.Time) (_ Payment, paid Charge, ok bool) {
	i := slices.IndexFunc(charges, func(c Charge) bool {
		return c.Key == p.Key && c.Status == pgwire.Cancelled && c.Refund == NoRefund
	})
	if p.Status != Approved || i < 0 {
		return p, Charge{}, false
	}
	paid = charges[i]
	paid.Refund = Done
	took := paid
	took.Status = pgwire.Success
	return p.WithRefund(took, now), paid, true
}

// moves reports whether a charge that was known goes on to what was heard of it.
// That may be older than what is known, because two may ask the gateway at the
// same time; and a charge that took money can only be given back. That it was, is
// for GaveBack to say where it is due: the answer may have been lost, and is asked
// for again.
func (c Charge) moves(heard Charge) bool {
	way := []pgwire.Status{pgwire.Pending, pgwire.Failed, pgwire.Success, pgwire.Cancelled}
	if c.Status == pgwire.Success && c.Refund == Due && heard.Status == pgwire.Cancelled {
		return false
	}
	return c != heard && slices.Index(way, heard.Status) >= slices.Index(way, c.Status)
}

// Merge returns the charges that were known, with what the gateway says of
// them now and with those that are new, oldest first; and which of them
// changed. heard is newest first, as the gateway lists them. No charge goes back
// to a status that it has left.
func Merge(known []Charge, orderID id.ID, heard []pgwire.Transaction) (all, changed []Charge) {
	all = slices.Clone(known)
	for _, h := range slices.Backward(heard) {
		now := Charge{
			Key: h.TransactionKey, OrderID: orderID, Amount: money.Won(h.Amount), Status: h.Status, Reason: h.Reason, Refund: NoRefund,
		}
		i := slices.IndexFunc(all, func(c Charge) bool { return c.Key == h.TransactionKey })
		if i < 0 {
			all, changed = append(all, now), append(changed, now)
			continue
		}
		if now.Refund = all[i].Refund; all[i].moves(now) {
			all[i], changed = now, append(changed, now)
		}
	}
	return all, changed
}

// Obligation is what an order needs of its payment.
type Obligation uint8

// The needs.
const (
	AwaitingPayment Obligation = iota // the order waits to be paid
	AlreadyPaid                       // it is paid, by the charge that the payment names
	MustRefund                        // it is dead: whatever was taken goes back
)

// Outcome is how a payment goes on.
type Outcome uint8

// The outcomes.
const (
	Wait         Outcome = iota // nothing is decided yet, or any more
	BecomePaid                  // by the charge that is named
	BecomeFailed                // by the charge that is named
	BecomeExpired
)

// Verdict is what the charges of a payment mean.
type Verdict struct {
	Outcome Outcome
	By      Charge   // that decided, if one did
	Refund  []Charge // to be refunded or called off at the gateway
}

// Judge says what the charges that are known mean for a payment: the one place
// where payments are decided, whoever asks. late says that its time is up.
//
// Only charges of the payment's amount, and not those that are being given back,
// decide about it. All that takes money, or may yet, beside the one that pays
// goes back.
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

// decide says how a payment goes on that waits for one of its charges. The last
// refusal gives the reason: it is the one that the customer has just seen.
func decide(ours []Charge, late bool) Verdict {
	paid := slices.IndexFunc(ours, func(c Charge) bool { return c.Status == pgwire.Success })
	_, isOpen := last(ours, pgwire.Pending)
	failed, isRefused := last(ours, pgwire.Failed)
	off, isCalledOff := last(ours, pgwire.Cancelled)
	switch {
	case paid >= 0:
		return Verdict{Outcome: BecomePaid, By: ours[paid]}
	case isRefused && !isOpen:
		return Verdict{Outcome: BecomeFailed, By: failed}
	case late:
		return Verdict{Outcome: BecomeExpired}
	case isCalledOff && !isOpen:
		return Verdict{Outcome: BecomeFailed, By: off}
	default:
		return Verdict{}
	}
}

// refundable is what takes money, or may yet, but for the charge to keep.
func refundable(charges []Charge, keep string) []Charge {
	return filter(charges, func(c Charge) bool { return c.Live() && c.Refund == NoRefund && c.Key != keep })
}

func last(charges []Charge, status pgwire.Status) (found Charge, ok bool) {
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
