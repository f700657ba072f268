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

// Live reports whether the charge takes money, or may yet.
func (c Charge) Live() bool { return c.Status == pgwire.Success || c.Status == pgwire.Pending }

// ToGiveBack returns the charges marked as due to be given back, and the payment
// with a note of each.
func (p Payment) ToGiveBack(charges []Charge, now time.Time) (Payment, []Charge) {
	marked := slices.Clone(charges)
	for i, c := range marked {
		marked[i].Refund = Due
		p = p.Note(now, RefundDue, c.Key, "")
	}
	return p, marked
}

// Merge returns the charges that were known, with what the gateway says of
// them now and with those that are new, oldest first; and which of them
// changed. heard is newest first, as the gateway lists them.
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
		if now.Refund = all[i].Refund; now != all[i] {
			all[i], changed = now, append(changed, now)
		}
	}
	return all, changed
}

// Need is what an order needs of its payment.
type Need uint8

// The needs.
const (
	Money   Need = iota // the order waits to be paid
	Nothing             // it is paid, by the charge that the payment names
	Return              // it is dead: whatever was taken goes back
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
	Outcome  Outcome
	By       Charge   // that decided, if one did
	GiveBack []Charge // to be refunded or called off at the gateway
}

// Judge says what the charges that are known mean for a payment: the one place
// where payments are decided, whoever asks. late says that its time is up.
//
// A charge pays only if it is of the payment's amount. All that takes money, or
// may yet, beside the one that pays goes back.
func Judge(need Need, p Payment, charges []Charge, late bool) Verdict {
	if need != Money {
		keep := ""
		if need == Nothing {
			keep = p.Key
		}
		return Verdict{GiveBack: besides(charges, keep)}
	}
	if paid, ok := find(charges, func(c Charge) bool { return c.Status == pgwire.Success && c.Amount == p.Amount }); ok {
		return Verdict{BecomePaid, paid, besides(charges, paid.Key)}
	}
	if v, ok := judgeUnpaid(charges, late); ok {
		v.GiveBack = besides(charges, "")
		return v
	}
	return Verdict{GiveBack: wrong(charges, p.Amount)}
}

// judgeUnpaid decides about charges of which none pays; ok is false if there is
// something to wait for.
func judgeUnpaid(charges []Charge, late bool) (v Verdict, ok bool) {
	_, open := find(charges, func(c Charge) bool { return c.Status == pgwire.Pending })
	failed, refused := last(charges, func(c Charge) bool { return c.Status == pgwire.Failed })
	off, calledOff := last(charges, func(c Charge) bool { return c.Status == pgwire.Cancelled && c.Refund == NoRefund })
	switch {
	case refused && !open:
		return Verdict{Outcome: BecomeFailed, By: failed}, true
	case late:
		return Verdict{Outcome: BecomeExpired}, true
	case calledOff && !open:
		return Verdict{Outcome: BecomeFailed, By: off}, true
	default:
		return Verdict{}, false
	}
}

// besides is what takes money, or may yet, but for the charge to keep.
func besides(charges []Charge, keep string) []Charge {
	return filter(charges, func(c Charge) bool { return c.Live() && c.Refund == NoRefund && c.Key != keep })
}

// wrong is what took another amount than was asked for.
func wrong(charges []Charge, amount money.Won) []Charge {
	return filter(charges, func(c Charge) bool { return c.Live() && c.Refund == NoRefund && c.Amount != amount })
}

func find(charges []Charge, is func(Charge) bool) (Charge, bool) {
	if i := slices.IndexFunc(charges, is); i >= 0 {
		return charges[i], true
	}
	return Charge{}, false
}

func last(charges []Charge, is func(Charge) bool) (found Charge, ok bool) {
	for _, c := range charges {
		if is(c) {
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
