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
func ends() map[payment.What]func(payment.Payment, time.Time) (payment.Payment, error) {
	return map[payment.What]func(payment.Payment, time.Time) (payment.Payment, error){
		payment.Approve: func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.Approve("key", now) },
		payment.Decline: func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.Decline("key", "no", now) },
		payment.Expire:  func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.Expire("no", now) },
		payment.Cancel:  func(p payment.Payment, now time.Time) (payment.Payment, error) { return p.CallOff("no", now) },
	}
}

func TestAPaymentEndsOnceAndSaysHow(t *testing.T) {
	t.Parallel()
	later := at.Add(time.Minute)
	placed := payment.Note{At: at, What: payment.Placed}
	for what, c := range map[payment.What]struct {
		status      payment.Status
		key, reason string
		note        string
	}{
		payment.Approve: {payment.Approved, "key", "", "key"},
		payment.Decline: {payment.Declined, "key", "no", "no"},
		payment.Expire:  {payment.Declined, "", "no", "no"},
		payment.Cancel:  {payment.Declined, "", "no", "no"},
	} {
		p, err := ends()[what](waiting(), later)
		if err != nil || p.Status != c.status || p.Key != c.key || p.Reason != c.reason || p.EndedAt == nil || *p.EndedAt != later {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
		if diff := cmp.Diff([]payment.Note{placed, {At: later, What: what, Detail: c.note}}, p.Unsaved()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		given := p.GaveBack(charge("key", pgwire.Success), later) // REFUNDED, where it was the one that paid
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
	p := waiting().Note(at, payment.Requested, "a", "")
	one, other := p.Note(at, payment.Unheard, "one", ""), p.Note(at, payment.ByHand, "other", "admin")
	if n := one.Unsaved(); len(n) != 3 || n[2].Detail != "one" || len(p.Unsaved()) != 2 || other.Unsaved()[2].Actor != "admin" {
		t.Errorf("%+v, %+v", n, other.Unsaved())
	}
}

func TestWhatAChargeGivenBackMakesOfItsPayment(t *testing.T) {
	t.Parallel()
	declined, err := waiting().Decline("refused", "no", at)
	if err != nil {
		t.Fatal(err)
	}
	refunded := approved(t, "paid").GaveBack(charge("paid", pgwire.Success), at)
	for name, c := range map[string]struct {
		payment payment.Payment
		charge  payment.Charge
		want    payment.Status
		note    payment.What
	}{
		"the charge that paid":                  {approved(t, "paid"), charge("paid", pgwire.Success), payment.Refunded, payment.Refund},
		"one too many":                          {approved(t, "paid"), charge("more", pgwire.Success), payment.Approved, payment.Refund},
		"one too many, before it took money":    {approved(t, "paid"), charge("more", pgwire.Pending), payment.Approved, payment.CalledOff},
		"one that came too late":                {declined, charge("late", pgwire.Success), payment.Refunded, payment.Refund},
		"one called off after the payment":      {declined, charge("late", pgwire.Pending), payment.Declined, payment.CalledOff},
		"another amount, while it waits":        {waiting(), charge("wrong", pgwire.Success), payment.Pending, payment.Refund},
		"one more, of a payment refunded":       {refunded, charge("more", pgwire.Success), payment.Refunded, payment.Refund},
		"one that had been given back unasked ": {declined, charge("off", pgwire.Cancelled), payment.Declined, payment.CalledOff},
	} {
		p := c.payment.GaveBack(c.charge, at.Add(time.Hour))
		last := p.Unsaved()[len(p.Unsaved())-1]
		if p.Status != c.want || last != (payment.Note{At: at.Add(time.Hour), What: c.note, Detail: c.charge.Key}) {
			t.Errorf("%s: %s, %+v", name, p.Status, last)
		}
	}
}

func TestWhatIsToBeGivenBackIsMarkedAndNoted(t *testing.T) {
	t.Parallel()
	charges := []payment.Charge{charge("a", pgwire.Success), charge("b", pgwire.Pending)}
	p, marked := approved(t, "paid").ToGiveBack(charges, at)
	want := []payment.Charge{some("a", pgwire.Success).but(payment.Due).Charge, some("b", pgwire.Pending).but(payment.Due).Charge}
	if diff := cmp.Diff(want, marked); diff != "" || charges[0].Refund != payment.NoRefund {
		t.Error(diff)
	}
	notes := p.Unsaved()[2:]
	if diff := cmp.Diff([]payment.Note{{At: at, What: payment.RefundDue, Detail: "a"}, {At: at, What: payment.RefundDue, Detail: "b"}}, notes); diff != "" {
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
