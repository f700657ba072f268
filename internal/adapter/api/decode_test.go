package api

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"items":[{"productId":1,"quantity":2}],"points":5}`, `{"items":[{"productId":"\u0000"}]}`, "\xff", `[1e999]`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var parsed any
		if err := decode(data, &parsed); err != nil {
			return
		}
		if !utf8.Valid(data) || !json.Valid(data) {
			t.Fatalf("decode(%q) = %v", data, parsed)
		}
		text, err := marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `\u0000`) && !strings.Contains(string(text), `\\u0000`) {
			t.Fatalf("NUL was accepted: %q", text)
		}
		var in placeInput
		_ = decode(data, &in.Body) // must not panic
	})
}

// known reports whether a callback can have the status.
func known(status pgwire.Status) bool {
	return slices.Contains([]pgwire.Status{pgwire.Pending, pgwire.Success, pgwire.Failed, pgwire.Cancelled}, status)
}

// An accepted callback is complete. The error of a rejected one contains only texts of ours, because
// the body could contain a card number.
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		`{"transactionKey":"20260301:TR:9577c5","orderId":"1351039135","cardType":"SAMSUNG","cardNo":"****-****-****-1451","amount":5000,"status":"SUCCESS","reason":"paid"}`,
		`{"transactionKey":"k","orderId":"o","amount":1,"status":"PENDING"}`, `{"transactionKey":"k","orderId":"o","amount":-1,"status":"FAILED"}`,
		`{"transactionKey":"k","orderId":"o","amount":1e3,"status":"CANCELLED","cardNo":1234567898141451}`, `{}`, `null`, `[]`, "\xff", `{"AMOUNT":1,"amount":2}`,
	} {
		f.Add([]byte(seed))
	}
	ours := []string{errMalformed.Text, "status must be one of PENDING, SUCCESS, FAILED, CANCELLED", "transactionKey, orderId and amount must be there"}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := decodeCallback(text)
		if err != nil {
			if !errors.Is(err, errMalformed) || !slices.Contains(ours, err.Error()) || c != (pgwire.Transaction{}) {
				t.Fatalf("%q was refused with %v, %+v", text, err, c)
			}
			return
		}
		if !json.Valid(text) || c.TransactionKey == "" || c.OrderID == "" || c.Amount <= 0 || !known(c.Status) {
			t.Fatalf("%q was believed to be %+v", text, c)
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := decodeCallback(again); err != nil || same != c {
			t.Fatalf("%q was read as %+v, and then as %+v, %v", text, c, same, err)
		}
	})
}

// A complete callback is accepted, whatever its texts are; an incomplete one is rejected.
func FuzzCallbackParts(f *testing.F) {
	f.Add("TR:1", "1351039135", int64(5000), "SUCCESS", "paid")
	f.Add("", "o", int64(1), "PENDING", "")
	f.Add("k", "o", int64(0), "DONE", "\x00")
	f.Fuzz(func(t *testing.T, key, order string, amount int64, status, reason string) {
		text, err := json.Marshal(map[string]any{"transactionKey": key, "orderId": order, "amount": amount, "status": status, "reason": reason, "more": true})
		if err != nil {
			t.Fatal(err)
		}
		whole := key != "" && order != "" && amount > 0 && known(pgwire.Status(status))
		if c, err := decodeCallback(text); (err == nil) != whole || whole && c.Amount != amount {
			t.Fatalf("%s: %+v, %v", text, c, err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"k", `"k"`, `"a \"b\" \\"`, `"`, "", " ", "\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, err := parseKey(header)
		if err != nil {
			return
		}
		if key == "" || len(key) > 255 {
			t.Fatalf("%q was read as %q", header, key)
		}
		for _, c := range key {
			if c < ' ' || c > '~' {
				t.Fatalf("%q was read as %q", header, key)
			}
		}
	})
}

func TestAnIdempotencyKeyMayBeBareOrQuoted(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"k": "k", `"k"`: "k", `"two words"`: "two words", `"a \"b\" \\"`: `a "b" \`, strings.Repeat("k", 255): strings.Repeat("k", 255),
		"two words": "", `"k`: "", `"`: "", `""`: "", "김": "", strings.Repeat("k", 256): "",
	} {
		got, err := parseKey(header)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("parseKey(%q) = %q, %v; want %q", header, got, err, want)
		}
	}
}
