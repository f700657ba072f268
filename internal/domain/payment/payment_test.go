package payment_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

var (
	at        = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	paymentID = id.ID{1}
	orderID   = id.ID{2}
	userID    = id.ID{3}
	card      = payment.Card{Type: pgwire.Samsung, Last4: "1451"}
)

func TestOfACardOnlyItsTypeAndLastDigitsAreKept(t *testing.T) {
	t.Parallel()
	if got, err := payment.CardOf(pgwire.Samsung, "1234-5678-9814-1451"); err != nil || got != card {
		t.Errorf("%+v, %v", got, err)
	}
	_, err := payment.CardOf("GOLD", "1234567898141451")
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || len(f.Fields) != 2 || f.Fields[0].Pointer != "/payment/cardType" || f.Fields[1].Pointer != "/payment/cardNo" {
		t.Fatalf("two mistakes: %v", err)
	}
	if strings.Contains(err.Error(), "9814") {
		t.Errorf("it tells the number: %v", err)
	}
}

// ends is every way in which a payment may end.
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
		given := p.WithRefund(charge("key", pgwire.Success), later) // REFUNDED, where it was the one that paid
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

func TestTwoFuturesOfAPaymentShareNoHistory(t *testing.T) {
	t.Parallel()
	p := waiting().Record(at, payment.ActionRequested, "a", "")
	one, other := p.Record(at, payment.GatewayUnavailable, "one", ""), p.Record(at, payment.ActionManual, "other", "admin")
	if n := one.UnsavedEntries(); len(n) != 3 || n[2].Detail != "one" || len(p.UnsavedEntries()) != 2 || other.UnsavedEntries()[2].Actor != "admin" {
		t.Errorf("%+v, %+v", n, other.UnsavedEntries())
	}
}

func TestWhatAChargeGivenBackMakesOfItsPayment(t *testing.T) {
	t.Parallel()
	declined, err := waiting().Decline("refused", "no", at)
	if err != nil {
		t.Fatal(err)
	}
	refunded := approved(t, "paid").WithRefund(charge("paid", pgwire.Success), at)
	for name, c := range map[string]struct {
		payment payment.Payment
		charge  payment.Charge
		want    payment.Status
		note    payment.Action
	}{
		"the charge that paid":                  {approved(t, "paid"), charge("paid", pgwire.Success), payment.Refunded, payment.ActionRefunded},
		"one too many":                          {approved(t, "paid"), charge("more", pgwire.Success), payment.Approved, payment.ActionRefunded},
		"one too many, before it took money":    {approved(t, "paid"), charge("more", pgwire.Pending), payment.Approved, payment.ActionVoided},
		"one that came too late":                {declined, charge("late", pgwire.Success), payment.Refunded, payment.ActionRefunded},
		"one called off after the payment":      {declined, charge("late", pgwire.Pending), payment.Declined, payment.ActionVoided},
		"another amount, while it waits":        {waiting(), charge("wrong", pgwire.Success), payment.Pending, payment.ActionRefunded},
		"one more, of a payment refunded":       {refunded, charge("more", pgwire.Success), payment.Refunded, payment.ActionRefunded},
		"one that had been given back unasked ": {declined, charge("off", pgwire.Cancelled), payment.Declined, payment.ActionVoided},
	} {
		p := c.payment.WithRefund(c.charge, at.Add(time.Hour))
		last := p.UnsavedEntries()[len(p.UnsavedEntries())-1]
		if p.Status != c.want || last != (payment.Entry{At: at.Add(time.Hour), Action: c.note, Detail: c.charge.Key}) {
			t.Errorf("%s: %s, %+v", name, p.Status, last)
		}
	}
}

func TestWhatIsToBeGivenBackIsMarkedAndNoted(t *testing.T) {
	t.Parallel()
	charges := []payment.Charge{charge("a", pgwire.Success), charge("b", pgwire.Pending)}
	p, marked := approved(t, "paid").WithRefundsDue(charges, at)
	want := []payment.Charge{some("a", pgwire.Success).but(payment.Due).Charge, some("b", pgwire.Pending).but(payment.Due).Charge}
	if diff := cmp.Diff(want, marked); diff != "" || charges[0].Refund != payment.NoRefund {
		t.Error(diff)
	}
	notes := p.UnsavedEntries()[2:]
	if diff := cmp.Diff([]payment.Entry{{At: at, Action: payment.ActionRefundDue, Detail: "a"}, {At: at, Action: payment.ActionRefundDue, Detail: "b"}}, notes); diff != "" {
		t.Error(diff)
	}
}

func TestEventsTellOfThePaymentAndNeverOfTheWholeNumber(t *testing.T) {
	t.Parallel()
	declined, err := waiting().Decline("refused", "the limit is exceeded", at)
	if err != nil {
		t.Fatal(err)
	}
	about := func(key string, amount int64) event.Payment {
		return event.Payment{
			PaymentID: paymentID, OrderID: orderID, UserID: userID, Amount: amount,
			CardType: pgwire.Samsung, CardLast4: "1451", TransactionKey: key,
		}
	}
	wrong := some("wrong", pgwire.Success).of(7).Charge
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
