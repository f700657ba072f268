package pgclient

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
)

func TestCardNumbersAreMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"card 1234-5678-9814-1451 is bad":              "card ****-****-****-1451 is bad",
		"1234567898141451":                             "************1451",
		"1234 5678 9814 1451":                          "**** **** **** 1451",
		"1234--5678 - 9814  1451,":                     "****--**** - ****  1451,",
		"123456******1451":                             "************1451",
		"****-****-****-1451":                          "****-****-****-1451",
		"x1234-5678-9814-1451-5678-9814-1451":          "x****-****-****-****-****-****-1451",
		"(1234-5678-9814-1451":                         "(****-****-****-1451",
		"1234–5678—9814‐1451":                          "****-****-****-1451",
		"1234\u00a05678\u00009814\n1451":               "**** **** **** 1451",
		"1234.5678.9814.1451":                          "****.****.****.1451",
		"1234/5678_9814, 1451":                         "****/****_****, 1451",
		"3712 · 345678 · 95006":                        "**** · ****** · *5006",
		"１２３４5678 9814 1451":                           "******** **** 1451",
		"read 10.244.113.12:51234->10.96.211.100:8082": "read 10.244.113.12:51234->10.96.211.100:8082",
		"2026-11-23 00:48:03.123456":                   "2026-11-23 00:48:03.123456",
		"the limit of 1,000,000 is exceeded":           "the limit of 1,000,000 is exceeded",
		"dial tcp 127.0.0.1:8082: refused":             "dial tcp 127.0.0.1:8082: refused",
		"20250816:TR:9577c5":                           "20250816:TR:9577c5",
		"한도 초과":                                        "한도 초과",
		" \x00\x07\xff ":                               "",
		"":                                             "",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestTextsOfAGatewayAreSafeToStore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(\d| |-|a){0,300}`)).Draw(t, "text")
		got := clean(text)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 200 || strings.ContainsAny(got, "\x00\n\r") {
			t.Fatalf("%q is not safe to store", got)
		}
		if clean(got) != got {
			t.Fatalf("%q becomes %q when it is cleaned again", got, clean(got))
		}
	})
}

// Every answer here contains the card number in some way.
func TestNoCardNumberLeavesThePackage(t *testing.T) {
	t.Parallel()
	digits := strings.ReplaceAll(number, "-", "")
	for name, answer := range map[string]http.HandlerFunc{
		"refused":         says(400, `{"meta":{"result":"FAIL","errorCode":"`+number+`","message":"`+digits+` is bad"},"data":null}`),
		"accepted":        says(200, `{"meta":{"result":"SUCCESS"},"data":{"transactionKey":"k","status":"PENDING","cardType":"`+digits+`","cardNo":"`+number+`","reason":"`+number+`"}}`),
		"cut short":       says(200, `{"meta":{"result":"SUCCESS"},"data":{"transactionKey":"k","status":"PENDING","cardNo":"1234-5678-1451","reason":""}}`),
		"as a number":     says(200, `{"meta":{"result":"SUCCESS"},"data":{"transactionKey":`+digits+`}}`),
		"as a status":     says(200, `{"meta":{"result":"SUCCESS"},"data":{"transactionKey":"k","status":"`+number+`"}}`),
		"as a result":     says(200, `{"meta":{"result":"`+number+`"}}`),
		"no JSON":         says(200, number),
		"an error":        says(500, number),
		"a bad status":    raw("HTTP/1.1 " + number + "\r\n\r\n"),
		"no HTTP":         raw(number + "\r\n\r\n"),
		"a bad header":    raw("HTTP/1.1 200 OK\r\n" + number + "\r\n\r\n"),
		"a bad length":    raw("HTTP/1.1 200 OK\r\nContent-Length: " + digits + "x\r\n\r\n"),
		"a bad coding":    raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + number + "\r\n\r\n"),
		"a redirect":      raw("HTTP/1.1 307 Go\r\nLocation: http://" + number + "/\r\n\r\n"),
		"a bad redirect":  raw("HTTP/1.1 307 Go\r\nLocation: %zz" + number + "\r\n\r\n"),
		"it hangs":        hangs,
		"it is cut short": cuts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := Breaker{Window: 4} // so that the breaker opens and logs
			inBubbleWith(t, Config{Breaker: b, Attempts: 1}, func(g *gateway) {
				t := g.t
				o := request(t.Context(), g.client, paymentID, charge())
				_, e := g.client.cancel(t.Context(), user, orderID, key)
				found, failed := g.client.find(t.Context(), user, orderID)
				families, err := g.registry.Gather()
				text := fmt.Sprintf("%v %+v %v %+v %v %v %s", o, o, e, found, failed, errors.Join(o.Err, e), g.log) + fmt.Sprint(families, err)
				for _, secret := range []string{"5678", "1234", "9814"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s is in: %s", secret, text)
					}
				}
				for _, f := range found {
					if f.CardNo != "" && f.CardNo != cardno.Number(number).Masked() {
						t.Errorf("the card number is %q", string(f.CardNo))
					}
				}
			}, answer)
		})
	}
}
