package pgclient

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

func secret(t *testing.T, text string) pgwire.Secret {
	t.Helper()
	s, err := pgwire.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lookUp returns a function that looks up headers.
func lookUp(headers map[string]string) func(string) string {
	return func(name string) string { return headers[name] }
}

func TestACallbackIsDecodedIntoTheWordsOfTheDomain(t *testing.T) {
	t.Parallel()
	got, err := NewCallbacks(pgwire.Secret{}, time.Now).Decode(lookUp(nil), []byte(golden(t, "callback")))
	if want := (payment.Callback{OrderID: orderID, Key: key, Amount: 5000}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestACallbackSaysThatAChargeIsCancelled(t *testing.T) {
	t.Parallel()
	got, err := decodeCallback([]byte(`{"transactionKey":"k","orderId":"o","amount":1,"status":"CANCELLED"}`))
	if want := (payment.Callback{OrderID: "o", Key: "k", Amount: 1, Cancelled: true}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestTheSignatureOfACallbackIsVerifiedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	ours, theirs := secret(t, "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), secret(t, "whsec_ZmVkY2JhOTg3NjU0MzIxMA==")
	now, good := time.Unix(1_700_000_000, 0), golden(t, "callback")
	callbacks := NewCallbacks(ours, func() time.Time { return now })
	for name, c := range map[string]struct {
		headers map[string]string
		body    string
		want    error
	}{
		"signed":                         {ours.Sign("msg_1", now, []byte(good)), good, nil},
		"not signed":                     {nil, good, payment.ErrCallbackNotSigned},
		"signed by another secret":       {theirs.Sign("msg_1", now, []byte(good)), good, payment.ErrCallbackForged},
		"signed for another body":        {ours.Sign("msg_1", now, []byte("{}")), good, payment.ErrCallbackForged},
		"signed too long ago":            {ours.Sign("msg_1", now.Add(-pgwire.Tolerance-time.Second), []byte(good)), good, payment.ErrCallbackStale},
		"signed in the future":           {ours.Sign("msg_1", now.Add(pgwire.Tolerance+time.Second), []byte(good)), good, payment.ErrCallbackStale},
		"malformed and signed":           {ours.Sign("msg_1", now, []byte("{")), "{", payment.ErrCallbackMalformed},
		"malformed and signed by others": {theirs.Sign("msg_1", now, []byte("{")), "{", payment.ErrCallbackForged},
	} {
		if _, err := callbacks.Decode(lookUp(c.headers), []byte(c.body)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A callback that is accepted has everything that is needed. An error is one of our
// texts: the body may contain a card number.
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		`{"transactionKey":"20260301:TR:9577c5","orderId":"1351039135","cardType":"SAMSUNG","cardNo":"****-****-****-1451","amount":5000,"status":"SUCCESS","reason":"paid"}`,
		`{"transactionKey":"k","orderId":"o","amount":1,"status":"PENDING"}`, `{"transactionKey":"k","orderId":"o","amount":-1,"status":"FAILED"}`,
		`{"transactionKey":"k","orderId":"o","amount":1e3,"status":"CANCELLED","cardNo":1234567898141451}`, `{}`, `null`, `[]`, "\xff", `{"AMOUNT":1,"amount":2}`,
	} {
		f.Add([]byte(seed))
	}
	ours := []string{
		payment.ErrCallbackMalformed.Text, "status must be one of PENDING, SUCCESS, FAILED, CANCELLED",
		"transactionKey, orderId and amount are required",
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := decodeCallback(text)
		if err != nil {
			if !errors.Is(err, payment.ErrCallbackMalformed) || !slices.Contains(ours, err.Error()) || c != (payment.Callback{}) {
				t.Fatalf("%q was refused with %v, %+v", text, err, c)
			}
			return
		}
		if !json.Valid(text) || c.Key == "" || c.OrderID == "" || c.Amount <= 0 {
			t.Fatalf("%q was read as %+v", text, c)
		}
	})
}

func FuzzCallbackParts(f *testing.F) {
	f.Add("TR:1", "1351039135", int64(5000), "SUCCESS", "paid")
	f.Add("", "o", int64(1), "PENDING", "")
	f.Add("k", "o", int64(0), "DONE", "\x00")
	f.Fuzz(func(t *testing.T, key, order string, amount int64, status, reason string) {
		text, err := json.Marshal(map[string]any{"transactionKey": key, "orderId": order, "amount": amount, "status": status, "reason": reason, "more": true})
		if err != nil {
			t.Fatal(err)
		}
		whole := key != "" && order != "" && amount > 0 && slices.Contains([]string{"PENDING", "SUCCESS", "FAILED", "CANCELLED"}, status)
		if c, err := decodeCallback(text); (err == nil) != whole || whole && int64(c.Amount) != amount {
			t.Fatalf("%s: %+v, %v", text, c, err)
		}
	})
}
