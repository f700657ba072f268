package payment_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// asked is the amount of the payments in these tests, in won.
const asked = 5_000

func charge(key string, status payment.ChargeStatus) payment.Charge {
	return payment.Charge{Key: key, OrderID: orderID, Amount: asked, Status: status, Refund: payment.NoRefund}
}

// someCharge is a charge with methods that return a variant of it.
type someCharge struct{ payment.Charge }

func (s someCharge) of(amount money.Won) someCharge { s.Amount = amount; return s }

func (s someCharge) but(refund payment.RefundState) someCharge { s.Refund = refund; return s }

func some(key string, status payment.ChargeStatus) someCharge { return someCharge{charge(key, status)} }

func waiting() payment.Payment {
	return payment.New(paymentID, orderID, userID, card, asked, at, payment.DefaultPolicy())
}

func approved(t *testing.T, key string) payment.Payment {
	t.Helper()
	p, err := waiting().Approve(key, at)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func keys(charges []payment.Charge) []string {
	found := []string{}
	for _, c := range charges {
		found = append(found, c.Key)
	}
	return found
}

func TestAPendingPaymentIsDecidedByItsCharges(t *testing.T) {
	t.Parallel()
	pending, failed, success, off := payment.ChargePending, payment.ChargeFailed, payment.ChargeSucceeded, payment.ChargeCancelled
	for name, c := range map[string]struct {
		charges []someCharge
		late    bool
		want    payment.Outcome
		by      string
		refunds []string
	}{
		"there is no charge":                     {want: payment.Wait},
		"there is no charge, and it is late":     {late: true, want: payment.BecomeExpired},
		"it is pending":                          {charges: []someCharge{some("a", pending)}, want: payment.Wait},
		"it is pending, and late":                {charges: []someCharge{some("a", pending)}, late: true, want: payment.BecomeExpired, refunds: []string{"a"}},
		"it was charged":                         {charges: []someCharge{some("a", success)}, want: payment.BecomePaid, by: "a"},
		"it was charged, and it is late":         {charges: []someCharge{some("a", success)}, late: true, want: payment.BecomePaid, by: "a"},
		"it failed":                              {charges: []someCharge{some("a", failed)}, want: payment.BecomeFailed, by: "a"},
		"it failed, and it is late":              {charges: []someCharge{some("a", failed)}, late: true, want: payment.BecomeFailed, by: "a"},
		"it failed twice":                        {charges: []someCharge{some("a", failed), some("b", failed)}, want: payment.BecomeFailed, by: "b"},
		"it failed, and another is pending":      {charges: []someCharge{some("a", failed), some("b", pending)}, want: payment.Wait},
		"another is pending, and it is late":     {charges: []someCharge{some("a", failed), some("b", pending)}, late: true, want: payment.BecomeExpired, refunds: []string{"b"}},
		"it failed, then charged":                {charges: []someCharge{some("a", failed), some("b", success)}, want: payment.BecomePaid, by: "b"},
		"it was charged twice":                   {charges: []someCharge{some("a", success), some("b", success)}, want: payment.BecomePaid, by: "a", refunds: []string{"b"}},
		"it was charged, and another is pending": {charges: []someCharge{some("a", pending), some("b", success)}, want: payment.BecomePaid, by: "b", refunds: []string{"a"}},
		"it was cancelled":                       {charges: []someCharge{some("a", off)}, want: payment.BecomeFailed, by: "a"},
		"it was cancelled because it is late":    {charges: []someCharge{some("a", off)}, late: true, want: payment.BecomeExpired},
		"it was cancelled, another is pending":   {charges: []someCharge{some("a", off), some("b", pending)}, want: payment.Wait},
		"it failed, another cancelled":           {charges: []someCharge{some("a", failed), some("b", off)}, want: payment.BecomeFailed, by: "a"},
		"too little was charged":                 {charges: []someCharge{some("a", success).of(asked - 1)}, want: payment.Wait, refunds: []string{"a"}},
		"too much may be charged":                {charges: []someCharge{some("a", pending).of(asked + 1)}, want: payment.Wait, refunds: []string{"a"}},
		"too much was charged, and it is late":   {charges: []someCharge{some("a", success).of(asked + 1)}, late: true, want: payment.BecomeExpired, refunds: []string{"a"}},
		"another amount failed":                  {charges: []someCharge{some("a", failed).of(1)}, want: payment.Wait},
		"another amount was cancelled":           {charges: []someCharge{some("a", off).of(1)}, want: payment.Wait},
		"another amount is pending": {
			charges: []someCharge{some("a", failed), some("b", pending).of(1)}, want: payment.BecomeFailed, by: "a", refunds: []string{"b"},
		},
		"another amount has its refund due": {charges: []someCharge{some("a", success).of(1).but(payment.RefundDue)}, want: payment.Wait},
		"it was charged and refunded":       {charges: []someCharge{some("a", off).but(payment.RefundDone)}, want: payment.Wait},
		"it was charged, its refund is due": {charges: []someCharge{some("a", success).but(payment.RefundDue)}, want: payment.Wait},
	} {
		var charges []payment.Charge
		for _, c := range c.charges {
			charges = append(charges, c.Charge)
		}
		v := payment.Judge(payment.AwaitingPayment, waiting(), charges, c.late)
		if diff := cmp.Diff(c.refunds, keys(v.Refund), cmpopts.EquateEmpty()); v.Outcome != c.want || v.By.Key != c.by || diff != "" {
			t.Errorf("%s: outcome %d by %q, want %d by %q; refunds: %s", name, v.Outcome, v.By.Key, c.want, c.by, diff)
		}
	}
}

func TestAPaidOrderKeepsOneChargeAndADeadOrderKeepsNone(t *testing.T) {
	t.Parallel()
	charges := []payment.Charge{
		charge("refused", payment.ChargeFailed), charge("paid", payment.ChargeSucceeded), charge("open", payment.ChargePending),
		charge("more", payment.ChargeSucceeded), some("back", payment.ChargeSucceeded).but(payment.RefundDue).Charge, charge("off", payment.ChargeCancelled),
	}
	for need, want := range map[payment.Obligation][]string{
		payment.AlreadyPaid: {"open", "more"}, payment.MustRefund: {"paid", "open", "more"},
	} {
		for _, late := range []bool{false, true} {
			v := payment.Judge(need, approved(t, "paid"), charges, late)
			if diff := cmp.Diff(want, keys(v.Refund)); v.Outcome != payment.Wait || diff != "" {
				t.Errorf("need %d: outcome %d, %s", need, v.Outcome, diff)
			}
		}
	}
}

// anyCharges draws up to six charges of all kinds.
func anyCharges(t *rapid.T) []payment.Charge {
	n := rapid.IntRange(0, 6).Draw(t, "charges")
	found := make([]payment.Charge, n)
	for i := range found {
		found[i] = payment.Charge{
			Key: string(rune('a' + i)), OrderID: orderID,
			Amount: rapid.SampledFrom([]money.Won{asked, asked, asked - 1, asked + 1}).Draw(t, "amount"),
			Status: rapid.SampledFrom([]payment.ChargeStatus{payment.ChargePending, payment.ChargeSucceeded, payment.ChargeFailed, payment.ChargeCancelled}).Draw(t, "status"),
			Refund: rapid.SampledFrom([]payment.RefundState{payment.NoRefund, payment.NoRefund, payment.RefundDue, payment.RefundDone}).Draw(t, "refund"),
		}
	}
	return found
}

// takes reports whether a charge took money, or may still do so, and has no refund.
func takes(c payment.Charge) bool { return c.Live() && c.Refund == payment.NoRefund }

func TestJudgeKeepsMoneyOnceAndOnlyForALiveOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		charges, late := anyCharges(t), rapid.Bool().Draw(t, "late")
		need := rapid.SampledFrom([]payment.Obligation{payment.AwaitingPayment, payment.AlreadyPaid, payment.MustRefund}).Draw(t, "need")
		p := waiting()
		if need == payment.AlreadyPaid {
			p.Key = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "paid by")
		}
		v := payment.Judge(need, p, charges, late)
		for _, c := range v.Refund {
			if !takes(c) {
				t.Fatalf("%+v is to be refunded", c)
			}
		}
		for _, c := range charges {
			if takes(c) && !slices.Contains(v.Refund, c) && !mayStay(need, p, v, c) {
				t.Fatalf("outcome %d, and %+v stays", v.Outcome, c)
			}
		}
		if v.Outcome != payment.Wait && need != payment.AwaitingPayment {
			t.Fatalf("decided again: %+v", v)
		}
	})
}

// mayStay reports whether a charge may keep its money after a verdict.
func mayStay(need payment.Obligation, p payment.Payment, v payment.Verdict, c payment.Charge) bool {
	switch {
	case need == payment.AlreadyPaid:
		return c.Key == p.Key
	case need == payment.MustRefund, v.Outcome == payment.BecomeFailed, v.Outcome == payment.BecomeExpired:
		return false
	case v.Outcome == payment.BecomePaid:
		return c == v.By
	default:
		return c.Status == payment.ChargePending && c.Amount == p.Amount
	}
}

func TestEveryDecisionHasAReasonAndALatePaymentIsDecided(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		charges, late := anyCharges(t), rapid.Bool().Draw(t, "late")
		v := payment.Judge(payment.AwaitingPayment, waiting(), charges, late)
		has := func(s payment.ChargeStatus) bool {
			return slices.ContainsFunc(charges, func(c payment.Charge) bool {
				return c.Status == s && c.Amount == asked && c.Refund == payment.NoRefund
			})
		}
		switch v.Outcome {
		case payment.BecomePaid:
			if v.By.Status != payment.ChargeSucceeded || v.By.Amount != asked || v.By.Refund != payment.NoRefund {
				t.Fatalf("paid by %+v", v.By)
			}
		case payment.BecomeFailed:
			refused := v.By.Status == payment.ChargeFailed || v.By.Status == payment.ChargeCancelled
			if !refused || v.By.Amount != asked || has(payment.ChargeSucceeded) || has(payment.ChargePending) {
				t.Fatalf("failed by %+v", v.By)
			}
		case payment.BecomeExpired:
			if !late || has(payment.ChargeSucceeded) {
				t.Fatal("expired too early, or although the card was charged")
			}
		case payment.Wait:
			if late || has(payment.ChargeSucceeded) {
				t.Fatal("not decided")
			}
		}
	})
}

// The order in which charges become known does not matter: after approval for the
// refunds, before it for the outcome.
func TestTheOrderOfTheChargesDoesNotChangeTheOutcome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		charges := anyCharges(r)
		other := rapid.Permutation(charges).Draw(r, "permuted")
		p := approved(t, "b")
		got := payment.Judge(payment.AlreadyPaid, p, other, true)
		want := payment.Judge(payment.AlreadyPaid, p, charges, false)
		byKey := cmpopts.SortSlices(func(a, b payment.Charge) bool { return a.Key < b.Key })
		if diff := cmp.Diff(want, got, byKey); diff != "" {
			r.Fatal(diff)
		}
		one, two := payment.Judge(payment.AwaitingPayment, waiting(), charges, true), payment.Judge(payment.AwaitingPayment, waiting(), other, true)
		if one.Outcome != two.Outcome {
			r.Fatalf("outcome %d, or %d", one.Outcome, two.Outcome)
		}
	})
}
