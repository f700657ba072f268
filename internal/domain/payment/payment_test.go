package payment_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

var (
	at        = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	paymentID = id.ID{1}
	orderID   = id.ID{2}
	userID    = id.ID{3}
	card      = payment.Card{Type: payment.Samsung, Last4: "1451"}
)

// ends returns every method that ends a payment.
func ends() map[payment.Action]func(payment.Payment, time.Time) (payment.Payment, error) {
	return map[payment.Action]func(payment.Payment, time.Time) (payment.Payment, error){
		payment.ActionApproved:  func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.Approve("key", now) },
		payment.ActionDeclined:  func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.Decline("key", "no", now) },
		payment.ActionExpired:   func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.Expire("no", now) },
		payment.ActionCancelled: func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.Cancel("no", now) },
	}
}

func TestAPaymentEndsOnceAndSaysHow(t *testing.T) {
	t.Parallel()
	later := at.Add(time.Minute)
	placed := payment.Entry{At: at, Action: payment.ActionPlaced}
	for what, c := range map[payment.Action]struct {
		status      payment.Status
		key, reason string
		note        string
	}{
		payment.ActionApproved:  {payment.Approved, "key", "", "key"},
		payment.ActionDeclined:  {payment.Declined, "key", "no", "no"},
		payment.ActionExpired:   {payment.Declined, "", "no", "no"},
		payment.ActionCancelled: {payment.Declined, "", "no", "no"},
	} {
		p, err := ends()[what](waiting(), later)
		if err != nil || p.Status != c.status || p.Key != c.key || p.Reason != c.reason || p.EndedAt == nil || *p.EndedAt != later {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
		if diff := cmp.Diff([]payment.Entry{placed, {At: later, Action: what, Detail: c.note}}, p.UnsavedEntries()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		given := p.WithRefund(charge("key", payment.ChargeSucceeded), later) // REFUNDED if the charge paid
		for again, end := range ends() {
			for _, ended := range []payment.Payment{p, given} {
				after, err := end(ended, later.Add(time.Hour))
				if !errors.Is(err, payment.ErrEnded) || !cmp.Equal(ended, after, cmp.AllowUnexported(payment.Payment{})) {
					t.Errorf("%s after %s: %+v, %v", again, ended.Status, after, err)
				}
			}
		}
	}
}

func TestTwoCopiesOfAPaymentShareNoHistory(t *testing.T) {
	t.Parallel()
	p := waiting().Record(at, payment.ActionRequested, "a", "")
	one, other := p.Record(at, payment.GatewayUnavailable, "one", ""), p.Record(at, payment.ActionManual, "other", "admin")
	if n := one.UnsavedEntries(); len(n) != 3 || n[2].Detail != "one" || len(p.UnsavedEntries()) != 2 || other.UnsavedEntries()[2].Actor != "admin" {
		t.Errorf("%+v, %+v", n, other.UnsavedEntries())
	}
}

func TestTheStatusOfAPaymentAfterARefundOrVoid(t *testing.T) {
	t.Parallel()
	declined, err := waiting().Decline("refused", "no", at)
	if err != nil {
		t.Fatal(err)
	}
	refunded := approved(t, "paid").WithRefund(charge("paid", payment.ChargeSucceeded), at)
	for name, c := range map[string]struct {
		payment payment.Payment
		charge  payment.Charge
		want    payment.Status
		note    payment.Action
	}{
		"the charge that paid":                  {approved(t, "paid"), charge("paid", payment.ChargeSucceeded), payment.Refunded, payment.ActionRefunded},
		"a surplus charge":                      {approved(t, "paid"), charge("more", payment.ChargeSucceeded), payment.Approved, payment.ActionRefunded},
		"a surplus charge that is pending":      {approved(t, "paid"), charge("more", payment.ChargePending), payment.Approved, payment.ActionVoided},
		"a charge after the payment ended":      {declined, charge("late", payment.ChargeSucceeded), payment.Refunded, payment.ActionRefunded},
		"a pending one after the payment":       {declined, charge("late", payment.ChargePending), payment.Declined, payment.ActionVoided},
		"another amount, while pending":         {waiting(), charge("wrong", payment.ChargeSucceeded), payment.Pending, payment.ActionRefunded},
		"a surplus charge once refunded":        {refunded, charge("more", payment.ChargeSucceeded), payment.Refunded, payment.ActionRefunded},
		"one that the gateway cancelled before": {declined, charge("off", payment.ChargeCancelled), payment.Declined, payment.ActionVoided},
	} {
		p := c.payment.WithRefund(c.charge, at.Add(time.Hour))
		last := p.UnsavedEntries()[len(p.UnsavedEntries())-1]
		if p.Status != c.want || last != (payment.Entry{At: at.Add(time.Hour), Action: c.note, Detail: c.charge.Key}) {
			t.Errorf("%s: %s, %+v", name, p.Status, last)
		}
	}
}

func TestChargesAreMarkedAsDueForARefundAndRecorded(t *testing.T) {
	t.Parallel()
	charges := []payment.Charge{charge("a", payment.ChargeSucceeded), charge("b", payment.ChargePending)}
	p, marked := approved(t, "paid").WithRefundsDue(charges, at)
	want := []payment.Charge{some("a", payment.ChargeSucceeded).but(payment.RefundDue).Charge, some("b", payment.ChargePending).but(payment.RefundDue).Charge}
	if diff := cmp.Diff(want, marked); diff != "" || charges[0].Refund != payment.NoRefund {
		t.Error(diff)
	}
	notes := p.UnsavedEntries()[2:]
	if diff := cmp.Diff([]payment.Entry{{At: at, Action: payment.ActionRefundDue, Detail: "a"}, {At: at, Action: payment.ActionRefundDue, Detail: "b"}}, notes); diff != "" {
		t.Error(diff)
	}
}

func TestEventsDescribeThePaymentWithFourDigitsOfTheCard(t *testing.T) {
	t.Parallel()
	declined, err := waiting().Decline("refused", "the limit is exceeded", at)
	if err != nil {
		t.Fatal(err)
	}
	about := func(key string, amount int64) event.Payment {
		return event.Payment{
			PaymentID: paymentID, OrderID: orderID, UserID: userID, Amount: amount,
			CardType: payment.Samsung, CardLast4: "1451", TransactionKey: key,
		}
	}
	wrong := some("wrong", payment.ChargeSucceeded).of(7).Charge
	for _, c := range []struct{ want, got event.Event }{
		{event.PaymentRequested{Payment: about("", asked)}, waiting().RequestedEvent()},
		{event.PaymentApproved{Payment: about("paid", asked)}, approved(t, "paid").ApprovedEvent()},
		{event.PaymentDeclined{Payment: about("refused", asked), Reason: "the limit is exceeded"}, declined.DeclinedEvent()},
		{event.PaymentRefunded{Payment: about("wrong", 7)}, approved(t, "paid").RefundedEvent(wrong)},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", c.got.Type(), diff)
		}
	}
}
