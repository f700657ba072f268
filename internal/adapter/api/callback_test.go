package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

const callbackPath = "/api/v1/payments/callback"

func secret(t *testing.T, text string) pgwire.Secret {
	t.Helper()
	s, err := pgwire.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func body(t *testing.T, c pgwire.Transaction) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// call returns the request of a callback.
func (s *shop) call(text string) request { return s.as("").post(callbackPath, text) }

// signed signs a callback.
func (r request) signed(with pgwire.Secret, at time.Time) request {
	for name, value := range with.Sign("msg_1", at, []byte(r.body)) {
		r = r.with(name, value)
	}
	return r
}

// turn is a callback and its expected result.
type turn struct {
	name    string
	r       request
	status  int
	code    string // code of the problem
	counted string // label of the metric
}

// play sends callbacks, and fails the test unless each has its expected result and the
// order has the wanted status after it.
func (s *cardShop) play(t *testing.T, o cardOrder, want string, turns ...turn) {
	t.Helper()
	for _, c := range turns {
		before := s.counted(t, "commerce_payment_callbacks_total", c.counted)
		a := c.r.must(t, s.shop, c.status)
		if c.code != "" && a.problem(t).Code != c.code {
			t.Errorf("%s: %s, want %s", c.name, a.body, c.code)
		}
		if got := s.counted(t, "commerce_payment_callbacks_total", c.counted) - before; got != 1 {
			t.Errorf("%s: counted %v times as %s", c.name, got, c.counted)
		}
		if is := s.order(t, o.ID).Status; is != want {
			t.Errorf("%s: the order is %s, want %s", c.name, is, want)
		}
	}
}

func TestACallbackMustBeSignedWhereTheShopHasASecret(t *testing.T) {
	t.Parallel()
	eachEngine(t, signedCallbacks)
}

func signedCallbacks(t *testing.T, on engine) {
	t.Helper()
	ours, theirs := secret(t, "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), secret(t, "whsec_ZmVkY2JhOTg3NjU0MzIxMA==")
	s := cardShopOn(t, on, func(c *api.Config) { c.Callbacks = pgclient.NewCallbacks(ours, c.Clock) })
	o := s.buy(t)
	good := body(t, s.charged(t, o))
	r := s.call(good)
	forged := r.signed(ours, began)
	forged.body = strings.Replace(good, `"amount":20000`, `"amount":20001`, 1)
	s.play(t, o, "PENDING", []turn{
		{"without a signature", r, 401, "CALLBACK_NOT_SIGNED", "unsigned"},
		{"without a timestamp", r.signed(ours, began).with(pgwire.TimestampHeader, ""), 401, "CALLBACK_NOT_SIGNED", "unsigned"},
		{"signed by another", r.signed(theirs, began), 401, "CALLBACK_FORGED", "forged"},
		{"signed for another body", forged, 401, "CALLBACK_FORGED", "forged"},
		{"signed for another id", r.signed(ours, began).with(pgwire.IDHeader, "msg_2"), 401, "CALLBACK_FORGED", "forged"},
		{"replayed much later", r.signed(ours, began.Add(-pgwire.Tolerance-time.Second)), 401, "CALLBACK_STALE", "stale"},
		{"from the future", r.signed(ours, began.Add(pgwire.Tolerance+time.Second)), 401, "CALLBACK_STALE", "stale"},
		{"malformed and forged", s.call("{").signed(theirs, began), 401, "CALLBACK_FORGED", "forged"},
	}...)
	s.play(t, o, "PAID", []turn{
		{"good", r.signed(ours, began), 200, "", "settled"},
		{"good, again", r.signed(ours, began), 200, "", "repeated"},
	}...)
}

func TestACallbackIsAHintThatMustAgreeWithWhatIsKnown(t *testing.T) {
	t.Parallel()
	eachEngine(t, wrongCallbacks)
}

func wrongCallbacks(t *testing.T, on engine) {
	t.Helper()
	s := cardShopOn(t, on)
	o := s.buy(t)
	c := pgwire.Transaction{TransactionKey: "TR:1", OrderID: o.ID, Amount: 20_000, Status: pgwire.Success}
	hint := s.call(body(t, c))
	change := func(f func(*pgwire.Transaction)) request {
		other := c
		f(&other)
		return s.call(body(t, other))
	}
	const unknown = "00000000-0000-7000-8000-000000000009"
	s.play(t, o, "PENDING", []turn{
		{"before there is a charge", hint, 404, "CALLBACK_UNKNOWN_TRANSACTION", "unknown_transaction"},
		{"of an unknown order", change(func(c *pgwire.Transaction) { c.OrderID = unknown }), 404, "CALLBACK_UNKNOWN_ORDER", "unknown_order"},
		{"of another shop's order", change(func(c *pgwire.Transaction) { c.OrderID = "1351039135" }), 404, "CALLBACK_UNKNOWN_ORDER", "unknown_order"},
		{"that names the payment", change(func(c *pgwire.Transaction) { c.OrderID = o.Payment.ID }), 404, "CALLBACK_UNKNOWN_ORDER", "unknown_order"},
		{"of another amount", change(func(c *pgwire.Transaction) { c.Amount++ }), 409, "CALLBACK_WRONG_AMOUNT", "wrong_amount"},
		{"of no amount", change(func(c *pgwire.Transaction) { c.Amount = 0 }), 400, "MALFORMED_CALLBACK", "malformed"},
		{"with an unknown status", change(func(c *pgwire.Transaction) { c.Status = "DONE" }), 400, "MALFORMED_CALLBACK", "malformed"},
		{"without a key", change(func(c *pgwire.Transaction) { c.TransactionKey = "" }), 400, "MALFORMED_CALLBACK", "malformed"},
		{"cut short", s.call(hint.body[:40]), 400, "MALFORMED_CALLBACK", "malformed"},
		{"with a text as amount", s.call(strings.Replace(hint.body, "20000", `"20000"`, 1)), 400, "MALFORMED_CALLBACK", "malformed"},
	}...)
	s.request(t, o)
	s.gateway.setAway(true)
	s.play(t, o, "PENDING", turn{"while the gateway is away", hint, 503, "GATEWAY_AWAY", "gateway_away"})
	s.gateway.setAway(false)
	s.play(t, o, "PENDING", turn{"before the outcome", hint, 200, "", "early"})
	s.gateway.decide(payment.ChargeSucceeded, "")
	s.play(t, o, "PAID", turn{"with the outcome", hint, 200, "", "settled"}, turn{"late", hint, 200, "", "repeated"})
}

func TestAShopWithoutAGatewayRefusesCallbacks(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	if p := s.call(`{}`).must(t, s, 503).problem(t); p.Code != "CARD_PAYMENTS_OFF" {
		t.Errorf("code = %s", p.Code)
	}
}
