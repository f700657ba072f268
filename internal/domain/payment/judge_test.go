package payment_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// asked is what payments of these tests ask for.
const asked = 5_000

func charge(key string, status pgwire.Status) payment.Charge {
	return payment.Charge{Key: key, OrderID: orderID, Amount: asked, Status: status, Refund: payment.NoRefund}
}

// someCharge is a charge with words to say how it is another one.
type someCharge struct{ payment.Charge }

func (s someCharge) of(amount money.Won) someCharge { s.Amount = amount; return s }

func (s someCharge) but(refund payment.RefundState) someCharge { s.Refund = refund; return s }

func some(key string, status pgwire.Status) someCharge { return someCharge{charge(key, status)} }

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

func TestThePaymentThatAnOrderWaitsForIsDecidedByItsCharges(t *testing.T) {
	t.Parallel()
	pending, failed, success, off := pgwire.Pending, pgwire.Failed, pgwire.Success, pgwire.Cancelled
	for name, c := range map[string]struct {
		charges []someCharge
		late    bool
		want    payment.Outcome
		by      string
		back    []string
	}{
		"nothing is known":                     {want: payment.Wait},
		"nothing is known, and it is late":     {late: true, want: payment.BecomeExpired},
		"it is open":                           {charges: []someCharge{some("a", pending)}, want: payment.Wait},
		"it is open, and late":                 {charges: []someCharge{some("a", pending)}, late: true, want: payment.BecomeExpired, back: []string{"a"}},
		"it was charged":                       {charges: []someCharge{some("a", success)}, want: payment.BecomePaid, by: "a"},
		"it was charged, and it is late":       {charges: []someCharge{some("a", success)}, late: true, want: payment.BecomePaid, by: "a"},
		"it was refused":                       {charges: []someCharge{some("a", failed)}, want: payment.BecomeFailed, by: "a"},
		"it was refused, and it is late":       {charges: []someCharge{some("a", failed)}, late: true, want: payment.BecomeFailed, by: "a"},
		"it was refused twice":                 {charges: []someCharge{some("a", failed), some("b", failed)}, want: payment.BecomeFailed, by: "b"},
		"it was refused, and another is open":  {charges: []someCharge{some("a", failed), some("b", pending)}, want: payment.Wait},
		"another is open, and it is late":      {charges: []someCharge{some("a", failed), some("b", pending)}, late: true, want: payment.BecomeExpired, back: []string{"b"}},
		"it was refused, then charged":         {charges: []someCharge{some("a", failed), some("b", success)}, want: payment.BecomePaid, by: "b"},
		"it was charged twice":                 {charges: []someCharge{some("a", success), some("b", success)}, want: payment.BecomePaid, by: "a", back: []string{"b"}},
		"it was charged, and another is open":  {charges: []someCharge{some("a", pending), some("b", success)}, want: payment.BecomePaid, by: "b", back: []string{"a"}},
		"it was called off":                    {charges: []someCharge{some("a", off)}, want: payment.BecomeFailed, by: "a"},
		"it was called off because it is late": {charges: []someCharge{some("a", off)}, late: true, want: payment.BecomeExpired},
		"it was called off, another is open":   {charges: []someCharge{some("a", off), some("b", pending)}, want: payment.Wait},
		"it was refused, another called off":   {charges: []someCharge{some("a", failed), some("b", off)}, want: payment.BecomeFailed, by: "a"},
		"too little was charged":               {charges: []someCharge{some("a", success).of(asked - 1)}, want: payment.Wait, back: []string{"a"}},
		"too much may be charged":              {charges: []someCharge{some("a", pending).of(asked + 1)}, want: payment.Wait, back: []string{"a"}},
		"too much was charged, and it is late": {charges: []someCharge{some("a", success).of(asked + 1)}, late: true, want: payment.BecomeExpired, back: []string{"a"}},
		"another amount was refused":           {charges: []someCharge{some("a", failed).of(1)}, want: payment.Wait},
		"another amount was called off":        {charges: []someCharge{some("a", off).of(1)}, want: payment.Wait},
		"another amount is open": {
			charges: []someCharge{some("a", failed), some("b", pending).of(1)}, want: payment.BecomeFailed, by: "a", back: []string{"b"},
		},
		"another amount is being given back":   {charges: []someCharge{some("a", success).of(1).but(payment.Due)}, want: payment.Wait},
		"it was charged and given back":        {charges: []someCharge{some("a", off).but(payment.Done)}, want: payment.Wait},
		"what was charged is being given back": {charges: []someCharge{some("a", success).but(payment.Due)}, want: payment.Wait},
	} {
		var charges []payment.Charge
		for _, c := range c.charges {
			charges = append(charges, c.Charge)
		}
		v := payment.Judge(payment.AwaitingPayment, waiting(), charges, c.late)
		if diff := cmp.Diff(c.back, keys(v.Refund), cmpopts.EquateEmpty()); v.Outcome != c.want || v.By.Key != c.by || diff != "" {
			t.Errorf("%s: outcome %d by %q, want %d by %q; given back: %s", name, v.Outcome, v.By.Key, c.want, c.by, diff)
		}
	}
}

func TestAPaidOrderKeepsTheChargeThatPaidAndADeadOneNone(t *testing.T) {
	t.Parallel()
	charges := []payment.Charge{
		charge("refused", pgwire.Failed), charge("paid", pgwire.Success), charge("open", pgwire.Pending),
		charge("more", pgwire.Success), some("back", pgwire.Success).but(payment.Due).Charge, charge("off", pgwire.Cancelled),
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

// anyCharges is up to six charges of all kinds.
func anyCharges(t *rapid.T) []payment.Charge {
	n := rapid.IntRange(0, 6).Draw(t, "charges")
	found := make([]payment.Charge, n)
	for i := range found {
		found[i] = payment.Charge{
			Key: string(rune('a' + i)), OrderID: orderID,
			Amount: rapid.SampledFrom([]money.Won{asked, asked, asked - 1, asked + 1}).Draw(t, "amount"),
			Status: rapid.SampledFrom([]pgwire.Status{pgwire.Pending, pgwire.Success, pgwire.Failed, pgwire.Cancelled}).Draw(t, "status"),
			Refund: rapid.SampledFrom([]payment.RefundState{payment.NoRefund, payment.NoRefund, payment.Due, payment.Done}).Draw(t, "refund"),
		}
	}
	return found
}

// takes reports whether a charge takes money, or may yet, and stays.
func takes(c payment.Charge) bool { return c.Live() && c.Refund == payment.NoRefund }

func TestWhateverTheChargesMoneyIsKeptOnceAndOnlyForALiveOrder(t *testing.T) {
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
				t.Fatalf("%+v is to be given back", c)
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

// mayStay says which charge may take money after a verdict.
func mayStay(need payment.Obligation, p payment.Payment, v payment.Verdict, c payment.Charge) bool {
	switch {
	case need == payment.AlreadyPaid:
		return c.Key == p.Key
	case need == payment.MustRefund, v.Outcome == payment.BecomeFailed, v.Outcome == payment.BecomeExpired:
		return false
	case v.Outcome == payment.BecomePaid:
		return c == v.By
	default:
		return c.Status == pgwire.Pending && c.Amount == p.Amount
	}
}

func TestAPaymentIsDecidedForAReasonAndAtTheLatestWhenItIsLate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		charges, late := anyCharges(t), rapid.Bool().Draw(t, "late")
		v := payment.Judge(payment.AwaitingPayment, waiting(), charges, late)
		has := func(s pgwire.Status) bool {
			return slices.ContainsFunc(charges, func(c payment.Charge) bool {
				return c.Status == s && c.Amount == asked && c.Refund == payment.NoRefund
			})
		}
		switch v.Outcome {
		case payment.BecomePaid:
			if v.By.Status != pgwire.Success || v.By.Amount != asked || v.By.Refund != payment.NoRefund {
				t.Fatalf("paid by %+v", v.By)
			}
		case payment.BecomeFailed:
			refused := v.By.Status == pgwire.Failed || v.By.Status == pgwire.Cancelled
			if !refused || v.By.Amount != asked || has(pgwire.Success) || has(pgwire.Pending) {
				t.Fatalf("failed by %+v", v.By)
			}
		case payment.BecomeExpired:
			if !late || has(pgwire.Success) {
				t.Fatal("expired before its time, or though it was charged")
			}
		case payment.Wait:
			if late || has(pgwire.Success) {
				t.Fatal("not decided")
			}
		}
	})
}

// It is all one in which order charges are heard of: once a payment is approved
// for what goes back, before that for how the order ends.
func TestTheOrderInWhichChargesAreHeardOfDoesNotChangeTheOutcome(t *testing.T) {
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
