package pgwire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

var update = flag.Bool("update", false, "update the golden files")

// samples returns one message of each kind, by the name of its golden file.
func samples() map[string]any {
	card := cardno.Number("1234-5678-9814-1451")
	whole := pgwire.Transaction{
		TransactionKey: "20250816:TR:9577c5", OrderID: "1351039135", CardType: pgwire.Samsung,
		CardNo: card.Masked(), Amount: 5000, Status: pgwire.Success, Reason: "approved",
	}
	refused := whole
	refused.TransactionKey, refused.Status, refused.Reason = "20250816:TR:000001", pgwire.Failed, "the limit is exceeded"
	return map[string]any{
		"request": pgwire.Request{
			OrderID: "1351039135", CardType: pgwire.Samsung, CardNo: card, Amount: 5000,
			CallbackURL: "http://localhost:8080/api/v1/payments/callback",
		},
		"accepted":     pgwire.Good(pgwire.Transaction{TransactionKey: whole.TransactionKey, Status: pgwire.Pending}),
		"transaction":  pgwire.Good(whole),
		"transactions": pgwire.Good(pgwire.Transactions{OrderID: whole.OrderID, Transactions: []pgwire.Transaction{whole, refused}}),
		"callback":     whole,
		"refused":      pgwire.Bad(pgwire.BadRequest, "cardNo must be dddd-dddd-dddd-dddd"),
	}
}

func TestTheWireIsThatOfTheGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, sample := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden := golden(t, name, sample)
			read := reflect.New(reflect.TypeOf(sample))
			if err := json.Unmarshal(golden, read.Interface()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sample, read.Elem().Interface()); diff != "" {
				t.Errorf("the golden message is decoded differently (-want +got):\n%s", diff)
			}
		})
	}
}

// golden returns the text of a golden file, and fails the test if the sample is encoded
// differently.
func golden(t *testing.T, name string, sample any) []byte {
	t.Helper()
	var now bytes.Buffer
	e := json.NewEncoder(&now)
	e.SetIndent("", "  ")
	if err := e.Encode(sample); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), now.String()); diff != "" {
		t.Errorf("it is encoded differently (-golden +now):\n%s", diff)
	}
	return text
}

func TestACardNumberIsPrintedWithItsLastDigitsOnly(t *testing.T) {
	t.Parallel()
	r := samples()["request"].(pgwire.Request) //nolint:forcetypeassert,errcheck // see samples
	var log bytes.Buffer
	untimed := func(_ []string, a slog.Attr) slog.Attr { // a time may have the digits
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{ReplaceAttr: untimed})).Info("request", "cardNo", r.CardNo)
	for _, text := range []string{
		fmt.Sprint(r), fmt.Sprintf("%+v %#v %q %x", r, r, r.CardNo, r.CardNo), log.String(), fmt.Errorf("no: %v", r).Error(),
	} {
		for _, secret := range []string{"1234", "5678", "9814", "31323334"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s contains %s", text, secret)
			}
		}
	}
	if got := r.CardNo.String(); got != "****-****-****-1451" || r.CardNo.Last4() != "1451" {
		t.Errorf("masked: %s, %s", got, r.CardNo.Last4())
	}
}

// The vector was made by the reference implementation of Standard Webhooks.
func TestSignaturesAreThoseOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	secret, err := pgwire.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	at, body := time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)
	want := map[string]string{
		"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
		"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	}
	headers := secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		change func(h map[string]string)
		body   string
		now    time.Time
		want   error
	}{
		"as it was sent":            {func(map[string]string) {}, string(body), at, nil},
		"within the tolerance":      {func(map[string]string) {}, string(body), at.Add(-pgwire.Tolerance), nil},
		"one of several signatures": {func(h map[string]string) { h["webhook-signature"] = "v1,bm8= " + h["webhook-signature"] }, string(body), at, nil},
		"without a signature":       {func(h map[string]string) { delete(h, "webhook-signature") }, string(body), at, pgwire.ErrNotSigned},
		"another body":              {func(map[string]string) {}, `{"test": 1}`, at, pgwire.ErrForged},
		"another id":                {func(h map[string]string) { h["webhook-id"] = "msg_2" }, string(body), at, pgwire.ErrForged},
		"another time":              {func(h map[string]string) { h["webhook-timestamp"] = "1614265331" }, string(body), at, pgwire.ErrForged},
		"another version":           {func(h map[string]string) { h["webhook-signature"] = "v0" + h["webhook-signature"][2:] }, string(body), at, pgwire.ErrForged},
		"replayed later":            {func(map[string]string) {}, string(body), at.Add(pgwire.Tolerance + time.Second), pgwire.ErrStale},
	} {
		h := secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
		c.change(h)
		if err := secret.Verify(func(name string) string { return h[name] }, []byte(c.body), c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true,
		"": false, "whsec_": false, "whsec_c2hvcnQ=": false, "secret, and no base64": false,
	} {
		if s, err := pgwire.ParseSecret(text); (err == nil) != ok || s.Set() != ok {
			t.Errorf("ParseSecret(%q) = %v", text, err)
		}
	}
}
