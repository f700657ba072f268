package payment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

func heard(key string, status pgwire.Status) pgwire.Transaction {
	return pgwire.Transaction{TransactionKey: key, Amount: asked, Status: status}
}

func TestWhatIsHeardIsMergedOldestFirstAndOnlyChangesAreNamed(t *testing.T) {
	t.Parallel()
	known := []payment.Charge{charge("a", pgwire.Failed), charge("b", pgwire.Pending)}
	refused := heard("c", pgwire.Failed)
	refused.Reason, refused.Amount = "the limit is exceeded", 7
	all, changed := payment.Merge(known, orderID, []pgwire.Transaction{
		heard("d", pgwire.Pending), refused, heard("b", pgwire.Success), heard("a", pgwire.Failed),
	})
	c := charge("c", pgwire.Failed)
	c.Reason, c.Amount = "the limit is exceeded", 7
	paid, open := charge("b", pgwire.Success), charge("d", pgwire.Pending)
	if diff := cmp.Diff([]payment.Charge{charge("a", pgwire.Failed), paid, c, open}, all); diff != "" {
		t.Errorf("all: %s", diff)
	}
	if diff := cmp.Diff([]payment.Charge{paid, c, open}, changed); diff != "" {
		t.Errorf("changed: %s", diff)
	}
	if known[1].Status != pgwire.Pending {
		t.Error("what was known has been written to")
	}
	again, none := payment.Merge(all, orderID, []pgwire.Transaction{heard("d", pgwire.Pending), refused, heard("b", pgwire.Success)})
	if diff := cmp.Diff(all, again); diff != "" || len(none) > 0 {
		t.Errorf("heard again: %v, %s", none, diff)
	}
	if kept, none := payment.Merge(all, orderID, nil); len(none) > 0 || len(kept) != len(all) {
		t.Errorf("nothing heard: %v, %v", kept, none)
	}
}

// Two ask the gateway at the same time: the one who asked first may be the one
// who writes last.
func TestAnAnswerThatComesLateTakesNoChargeBack(t *testing.T) {
	t.Parallel()
	pending, failed, success, off := pgwire.Pending, pgwire.Failed, pgwire.Success, pgwire.Cancelled
	for _, c := range []struct {
		known  pgwire.Status
		refund payment.RefundState
		heard  pgwire.Status
		want   pgwire.Status
	}{
		{pending, payment.NoRefund, success, success},
		{pending, payment.NoRefund, failed, failed},
		{pending, payment.NoRefund, off, off},
		{pending, payment.Due, success, success},
		{failed, payment.NoRefund, success, success}, // money was taken after all
		{success, payment.NoRefund, off, off},
		{success, payment.NoRefund, pending, success},
		{success, payment.NoRefund, failed, success}, // somebody vouched for it
		{success, payment.Due, off, success},         // GaveBack has not been told yet
		{failed, payment.NoRefund, pending, failed},
		{off, payment.Done, success, off},
		{off, payment.Done, pending, off},
	} {
		all, changed := payment.Merge(
			[]payment.Charge{some("a", c.known).but(c.refund).Charge}, orderID, []pgwire.Transaction{heard("a", c.heard)})
		if diff := cmp.Diff([]payment.Charge{some("a", c.want).but(c.refund).Charge}, all); diff != "" {
			t.Errorf("%s %s, heard %s: %s", c.known, c.refund, c.heard, diff)
		}
		if (len(changed) > 0) != (c.want != c.known) {
			t.Errorf("%s %s, heard %s: changed %v", c.known, c.refund, c.heard, changed)
		}
	}
}

func TestWhateverIsHeardNoChargeIsLostAndChangesLeadToTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		known := anyCharges(t)
		var said []pgwire.Transaction
		for _, c := range anyCharges(t) {
			said = append(said, heard(c.Key, c.Status))
		}
		all, changed := payment.Merge(known, orderID, said)
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
		if _, more := payment.Merge(all, orderID, said); len(more) > 0 {
			t.Fatalf("heard again, it changes %v", more)
		}
	})
}
