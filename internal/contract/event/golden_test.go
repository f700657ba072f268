package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	someUser  = id.ID{0x01, 0x92, 0xf0, 0xc1, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0a}
	someOrder = id.ID{0x01, 0x92, 0xf0, 0xc1, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0b}
	someTime  = time.Date(2025, time.November, 3, 23, 59, 59, 123456000, time.UTC)
)

// samples is one event of each type, with every field filled.
func samples() []Event {
	order := Order{
		OrderID: someOrder, Version: 2, UserID: someUser, Amount: 12_900,
		Lines: []Line{{ProductID: 17, Quantity: 2, UnitPrice: 3_950}, {ProductID: 42, Quantity: 1, UnitPrice: 5_000}},
	}
	paid := Payment{
		PaymentID: id.ID{0x01, 0x92, 0xf0, 0xc1, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0c}, OrderID: someOrder, UserID: someUser,
		Amount: 10_000, CardType: "SAMSUNG", CardLast4: "1451", TransactionKey: "20250816:TR:9577c5",
	}
	unkeyed := paid
	unkeyed.TransactionKey = ""
	return []Event{
		NewProductViewed(17, &someUser),
		NewProductLiked(17, someUser),
		NewProductUnliked(17, someUser),
		NewProductChanged(17, 3, "티셔츠 \"Basic\"", 3_950, "ON_SALE"),
		NewStockAdjusted(17, -5, 95, "damaged"),
		NewStockDepleted(17).By(someOrder),
		OrderPlaced{
			Order: order, Discount: 900, Points: 2_000, CardAmount: 10_000,
			Coupon: &Coupon{ID: paid.PaymentID, CouponID: someUser, Name: "Welcome"},
		},
		OrderPaid{Order: order, PaidAt: someTime},
		OrderCancelled{Order: order, Reason: "changed my mind", PaidAt: &someTime},
		OrderFailed{Order: order, Reason: "the limit is exceeded"},
		OrderExpired{Order: order, Reason: "not paid within 15m0s"},
		PaymentRequested{unkeyed},
		PaymentApproved{paid},
		PaymentDeclined{Payment: paid, Reason: "the limit is exceeded"},
		PaymentRefunded{Payment: paid, AtGateway: true},
	}
}

func TestEveryEventHasAGoldenFile(t *testing.T) {
	t.Parallel()
	sampled := map[string]bool{}
	for _, e := range samples() {
		sampled[e.Type()] = true
	}
	for name := range decoders {
		if !sampled[name] {
			t.Errorf("%s has no sample and so no golden file", name)
		}
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(decoders) {
		t.Errorf("%d golden files for %d events (%v)", len(files), len(decoders), err)
	}
}

func TestTypesListsEveryEvent(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, e := range Types() {
		listed[e.Type()] = true
	}
	if len(listed) != len(decoders) || len(Types()) != len(decoders) {
		t.Errorf("%d types are listed, %d can be read", len(Types()), len(decoders))
	}
	for name := range decoders {
		if !listed[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}

func TestEventsReadOnTheWireAsTheyAlwaysDid(t *testing.T) {
	t.Parallel()
	for _, e := range samples() {
		t.Run(e.Type(), func(t *testing.T) {
			t.Parallel()
			sealed, err := Wrap(someOrder, someTime, "", e)
			if err != nil {
				t.Fatal(err)
			}
			golden := golden(t, e.Type(), sealed.Data)
			if diff := cmp.Diff(string(golden), pretty(t, sealed.Data)); diff != "" {
				t.Errorf("the event is written in another way than before (-golden +now):\n%s", diff)
			}
			read, err := Envelope{Type: e.Type(), Data: golden}.Open()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e, read, cmp.AllowUnexported(ProductViewed{}, ProductLiked{}, ProductUnliked{},
				ProductChanged{}, StockAdjusted{}, StockDepleted{})); diff != "" {
				t.Errorf("the golden event is read as another one (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrapCarriesTheAttributes(t *testing.T) {
	t.Parallel()
	seoul := someTime.In(time.FixedZone("KST", 9*60*60))
	got, err := Wrap(someUser, seoul, "00-abc-def-01", samples()[7])
	if err != nil {
		t.Fatal(err)
	}
	want := Envelope{
		ID: someUser, Type: "order.paid", Source: "/commerce", Time: someTime, Topic: "order-events",
		Key: someOrder.String(), Sequence: 2, Traceparent: "00-abc-def-01", Data: got.Data,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if liked, err := Wrap(someUser, someTime, "", NewProductLiked(17, someUser)); err != nil || liked.Sequence != 0 || liked.Key != "17" {
		t.Errorf("a like became %+v, %v", liked, err)
	}
}

func TestAnUnknownTypeIsNoError(t *testing.T) {
	t.Parallel()
	if e, err := (Envelope{Type: "product.exploded", Data: []byte("{")}).Open(); e != nil || err != nil {
		t.Errorf("got %v, %v", e, err)
	}
}

func TestInvalidEventsAreUnreadable(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ name, data string }{
		"not JSON":              {"product.liked", `{`},
		"no product":            {"product.viewed", `{}`},
		"a user that is no id":  {"product.liked", `{"productId":1,"userId":"me"}`},
		"an order without id":   {"order.paid", `{"version":1,"lines":[{"productId":1,"quantity":1,"unitPrice":1}]}`},
		"an order of nothing":   {"order.paid", `{"orderId":"` + someOrder.String() + `","version":1,"lines":[]}`},
		"a version below one":   {"order.placed", `{"orderId":"` + someOrder.String() + `","lines":[{"productId":1,"quantity":1}]}`},
		"a line of minus one":   {"order.paid", `{"orderId":"` + someOrder.String() + `","version":1,"lines":[{"productId":1,"quantity":-1}]}`},
		"a payment of nothing":  {"payment.approved", `{"paymentId":"` + someOrder.String() + `","orderId":"` + someOrder.String() + `"}`},
		"a payment of no order": {"payment.declined", `{"paymentId":"` + someOrder.String() + `","amount":1}`},
		"a text where a number": {"stock.adjusted", `{"productId":1,"delta":"2"}`},
	}
	for what, c := range cases {
		if e, err := (Envelope{Type: c.name, Data: []byte(c.data)}).Open(); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s was read as %v, %v", what, e, err)
		}
	}
}

// Whatever the bytes are, Open answers an event that makes sense or
// ErrUnreadable, and what it has read can be written and read again.
func FuzzOpen(f *testing.F) {
	for _, e := range samples() {
		data, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Type(), data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e, err := Envelope{Type: name, Data: data}.Open()
		if err != nil && !errors.Is(err, ErrUnreadable) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if e == nil {
			return
		}
		again, err := Wrap(someUser, someTime, "", e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Open(); err != nil {
			t.Fatalf("%s cannot be read again: %v", again.Data, err)
		}
	})
}

func golden(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(pretty(t, data)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func pretty(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}
