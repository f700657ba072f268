package payment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

func TestMergeReturnsAllChargesOldestFirstAndThoseThatChanged(t *testing.T) {
	t.Parallel()
	known := []payment.Charge{charge("a", payment.ChargeFailed), charge("b", payment.ChargePending)}
	refused := charge("c", payment.ChargeFailed)
	refused.Reason, refused.Amount = "the limit is exceeded", 7
	all, changed := payment.Merge(known, []payment.Charge{
		charge("d", payment.ChargePending), refused, charge("b", payment.ChargeSucceeded), charge("a", payment.ChargeFailed),
	})
	c := charge("c", payment.ChargeFailed)
	c.Reason, c.Amount = "the limit is exceeded", 7
	paid, open := charge("b", payment.ChargeSucceeded), charge("d", payment.ChargePending)
	if diff := cmp.Diff([]payment.Charge{charge("a", payment.ChargeFailed), paid, c, open}, all); diff != "" {
		t.Errorf("all: %s", diff)
	}
	if diff := cmp.Diff([]payment.Charge{paid, c, open}, changed); diff != "" {
		t.Errorf("changed: %s", diff)
	}
	if known[1].Status != payment.ChargePending {
		t.Error("Merge changed its argument")
	}
	again, none := payment.Merge(all, []payment.Charge{charge("d", payment.ChargePending), refused, charge("b", payment.ChargeSucceeded)})
	if diff := cmp.Diff(all, again); diff != "" || len(none) > 0 {
		t.Errorf("reported again: %v, %s", none, diff)
	}
	if kept, none := payment.Merge(all, nil); len(none) > 0 || len(kept) != len(all) {
		t.Errorf("nothing reported: %v, %v", kept, none)
	}
}

// Two processes ask the gateway at the same time. The one that asked first may write
// last.
func TestAnOldAnswerDoesNotMoveAChargeBack(t *testing.T) {
	t.Parallel()
	pending, failed, success, off := payment.ChargePending, payment.ChargeFailed, payment.ChargeSucceeded, payment.ChargeCancelled
	for _, c := range []struct {
		known    payment.ChargeStatus
		refund   payment.RefundState
		reported payment.ChargeStatus
		want     payment.ChargeStatus
	}{
		{pending, payment.NoRefund, success, success},
		{pending, payment.NoRefund, failed, failed},
		{pending, payment.NoRefund, off, off},
		{pending, payment.RefundDue, success, success},
		{failed, payment.NoRefund, success, success}, // the card was charged after all
		{success, payment.NoRefund, off, off},
		{success, payment.NoRefund, pending, success},
		{success, payment.NoRefund, failed, success}, // an operator confirmed it
		{success, payment.RefundDue, off, success},   // the refund is written by the process that made it
		{failed, payment.NoRefund, pending, failed},
		{off, payment.RefundDone, success, off},
		{off, payment.RefundDone, pending, off},
	} {
		all, changed := payment.Merge(
			[]payment.Charge{some("a", c.known).but(c.refund).Charge}, []payment.Charge{charge("a", c.reported)})
		if diff := cmp.Diff([]payment.Charge{some("a", c.want).but(c.refund).Charge}, all); diff != "" {
			t.Errorf("%s %s, reported %s: %s", c.known, c.refund, c.reported, diff)
		}
		if (len(changed) > 0) != (c.want != c.known) {
			t.Errorf("%s %s, reported %s: changed %v", c.known, c.refund, c.reported, changed)
		}
	}
}

func TestMergeLosesNoChargeAndNamesEveryChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		known := anyCharges(t)
		var reported []payment.Charge
		for _, c := range anyCharges(t) {
			reported = append(reported, charge(c.Key, c.Status))
		}
		all, changed := payment.Merge(known, reported)
		byKey := map[string]payment.Charge{}
		for _, c := range known {
			byKey[c.Key] = c
		}
		for _, c := range changed {
			if was, ok := byKey[c.Key]; ok && (was == c || was.Refund != c.Refund) {
				t.Fatalf("%+v became %+v", was, c)
			}
			byKey[c.Key] = c
		}
		if len(all) != len(byKey) || !cmp.Equal(keys(known), keys(all)[:len(known)], cmpopts.EquateEmpty()) {
			t.Fatalf("known %v, all %v", keys(known), keys(all))
		}
		for _, c := range all {
			if byKey[c.Key] != c {
				t.Fatalf("%+v, want %+v", c, byKey[c.Key])
			}
		}
		if _, more := payment.Merge(all, reported); len(more) > 0 {
			t.Fatalf("reported again, it changes %v", more)
		}
	})
}
