package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

const (
	declined = `{"outcome":"DECLINED","reason":"told by phone"}`
	approved = `{"outcome":"APPROVED","transactionKey":"BANK:7","reason":"told by phone"}`
)

type paymentList struct {
	Items []struct {
		ID, OrderID, Status string
		RefundDue           bool
	}
	Page struct {
		NextCursor *string
		HasMore    bool
	}
}

// listed returns the orders of the payments in a list.
func (s *cardShop) listed(t *testing.T, query string) (orders []string) {
	t.Helper()
	var p paymentList
	s.as("admin").get("/admin/v1/payments"+query).must(t, s.shop, 200).into(t, &p)
	for _, i := range p.Items {
		orders = append(orders, i.OrderID)
	}
	return orders
}

// A payment that is stuck is listed, shown, rechecked and settled manually.
func TestAStuckPaymentIsListedRecheckedAndSettledManually(t *testing.T) {
	t.Parallel()
	eachEngine(t, unstick)
}

func unstick(t *testing.T, on engine) {
	t.Helper()
	s := cardShopOn(t, on)
	admin := s.as("admin")
	admin.get("/admin/v1/payments").must(t, s.shop, 200).golden(t, "admin_payments_none")
	paid, lost, asked := s.buy(t), s.buy(t), s.buy(t)
	s.late.Store(600)
	admin.get("/admin/v1/payments").must(t, s.shop, 200).golden(t, "admin_payments")
	admin.get("/admin/v1/payments/"+paid.Payment.ID).must(t, s.shop, 200).golden(t, "admin_payment")

	s.charged(t, asked) // no callback arrived
	s.gateway.setAway(true)
	if p := admin.post("/admin/v1/payments/"+asked.Payment.ID+"/recheck", "").must(t, s.shop, 503).problem(t); p.Code != "GATEWAY_AWAY" {
		t.Errorf("code = %s", p.Code)
	}
	s.gateway.setAway(false)
	admin.post("/admin/v1/payments/"+asked.ID+"/recheck", "").must(t, s.shop, 200).golden(t, "admin_payment_rechecked")

	keyed := admin.with("Idempotency-Key", "k").post("/admin/v1/payments/"+paid.Payment.ID+"/settle", approved)
	first := keyed.must(t, s.shop, 200)
	first.golden(t, "admin_payment_approved")
	s.late.Store(660)
	if again := keyed.must(t, s.shop, 200); again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %v\n%s", again.header, again.body)
	}
	keyed.body = declined
	keyed.must(t, s.shop, 422)
	s.request(t, lost)
	s.as("admin").post("/admin/v1/payments/"+lost.ID+"/recheck", "").must(t, s.shop, 200) // the gateway has a pending charge
	admin.post("/admin/v1/payments/"+lost.ID+"/settle", declined).must(t, s.shop, 200).golden(t, "admin_payment_declined")

	for o, want := range map[string]string{paid.ID: "PAID", lost.ID: "FAILED", asked.ID: "PAID"} {
		if is := s.order(t, o).Status; is != want {
			t.Errorf("an order is %s, want %s", is, want)
		}
	}
	if got := s.listed(t, ""); !slices.Equal(got, []string{lost.ID}) { // its charge must be voided
		t.Errorf("stuck are %v, want %s", got, lost.ID)
	}
	admin.post("/admin/v1/payments/"+lost.ID+"/recheck", "").must(t, s.shop, 200)
	if got := s.listed(t, ""); got != nil {
		t.Errorf("stuck are %v", got)
	}
	if k, b := s.gateway.charges[1].Status, s.balance(t, "kim"); k != payment.ChargeCancelled || b != 92_000 {
		t.Errorf("the charge is %s, kim has %d won", k, b)
	}
}

func TestPaymentsAreFiltered(t *testing.T) {
	t.Parallel()
	eachEngine(t, listPayments)
}

func listPayments(t *testing.T, on engine) {
	t.Helper()
	s := cardShopOn(t, on)
	paid := s.buy(t)
	s.call(body(t, s.charged(t, paid))).must(t, s.shop, 200)
	refund := s.buy(t)
	s.call(body(t, s.charged(t, refund))).must(t, s.shop, 200)
	s.as("kim").post("/api/v1/orders/"+refund.ID+"/cancel", "").must(t, s.shop, 200)
	s.late.Store(300)
	waits := s.buy(t)
	s.late.Store(301)
	for query, want := range map[string][]string{
		"":                                     {waits.ID, refund.ID},
		"?stuck=true":                          {waits.ID, refund.ID},
		"?stuck=false":                         {waits.ID, refund.ID, paid.ID},
		"?status=APPROVED":                     {refund.ID, paid.ID},
		"?status=APPROVED&stuck=true":          {refund.ID},
		"?status=PENDING":                      {waits.ID},
		"?status=DECLINED":                     nil,
		"?olderThan=1m":                        {refund.ID},
		"?olderThan=5m&stuck=false":            {refund.ID, paid.ID},
		"?olderThan=1h":                        nil,
		"?olderThan=0s":                        {waits.ID, refund.ID},
		"?status=PENDING&olderThan=1s&size=50": nil, // one second is not older than one second
	} {
		if got := s.listed(t, query); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
	var one, two paymentList
	s.as("admin").get("/admin/v1/payments?stuck=false&size=2").must(t, s.shop, 200).into(t, &one)
	if !one.Page.HasMore || one.Page.NextCursor == nil || one.Items[0].RefundDue || !one.Items[1].RefundDue {
		t.Fatalf("page one: %+v", one)
	}
	s.as("admin").get("/admin/v1/payments?stuck=false&size=2&cursor="+*one.Page.NextCursor).must(t, s.shop, 200).into(t, &two)
	if two.Page.HasMore || len(two.Items) != 1 || two.Items[0].OrderID != paid.ID {
		t.Errorf("page two: %+v", two)
	}
}

func TestInvalidRequestsAboutPaymentsAreRefusedWithACode(t *testing.T) {
	t.Parallel()
	eachEngine(t, refusePayments)
}

func refusePayments(t *testing.T, on engine) {
	t.Helper()
	s := cardShopOn(t, on)
	o := s.buy(t)
	byPoints := s.as("kim").post("/api/v1/orders", oneMug).must(t, s.shop, 201).header.Get("Location")[len("/api/v1/orders/"):]
	admin, place := s.as("admin"), "/admin/v1/payments/"
	const unknown = "00000000-0000-7000-8000-000000000009"
	long := strings.Repeat("x", 201)
	for name, c := range map[string]struct {
		request request
		status  int
		code    string
		errors  []string
	}{
		"an odd id":             {admin.get(place + "5"), 400, "VALIDATION_FAILED", []string{"id"}},
		"nothing like it":       {admin.get(place + unknown), 404, "PAYMENT_NOT_FOUND", nil},
		"no card":               {admin.get(place + byPoints), 404, "PAYMENT_NOT_FOUND", nil},
		"recheck of nothing":    {admin.post(place+unknown+"/recheck", ""), 404, "PAYMENT_NOT_FOUND", nil},
		"recheck of an odd id":  {admin.post(place+"5/recheck", ""), 400, "VALIDATION_FAILED", []string{"id"}},
		"settle nothing":        {admin.post(place+unknown+"/settle", declined), 404, "PAYMENT_NOT_FOUND", nil},
		"settle an odd id":      {admin.post(place+"5/settle", declined), 400, "VALIDATION_FAILED", []string{"id"}},
		"an empty body":         {admin.post(place+o.ID+"/settle", `{}`), 400, "VALIDATION_FAILED", []string{"/outcome", "/reason"}},
		"another outcome":       {admin.post(place+o.ID+"/settle", `{"outcome":"PENDING","reason":"x"}`), 400, "VALIDATION_FAILED", []string{"/outcome"}},
		"refunded by no charge": {admin.post(place+o.ID+"/settle", `{"outcome":"REFUNDED","reason":"x"}`), 400, "VALIDATION_FAILED", []string{"/transactionKey"}},
		"no refund is due":      {admin.post(place+o.ID+"/settle", `{"outcome":"REFUNDED","transactionKey":"TR:1","reason":"x"}`), 409, "REFUND_NOT_DUE", nil},
		"no reason":             {admin.post(place+o.ID+"/settle", `{"outcome":"DECLINED","reason":"  "}`), 400, "VALIDATION_FAILED", []string{"/reason"}},
		"too much of a reason":  {admin.post(place+o.ID+"/settle", `{"outcome":"DECLINED","reason":"`+long+`"}`), 400, "VALIDATION_FAILED", []string{"/reason"}},
		"approved by no charge": {admin.post(place+o.ID+"/settle", `{"outcome":"APPROVED","reason":"x"}`), 400, "VALIDATION_FAILED", []string{"/transactionKey"}},
		"a key with a blank":    {admin.post(place+o.ID+"/settle", `{"outcome":"APPROVED","reason":"x","transactionKey":"TR:1 "}`), 400, "VALIDATION_FAILED", []string{"/transactionKey"}},
		"too long a key":        {admin.post(place+o.ID+"/settle", `{"outcome":"APPROVED","reason":"x","transactionKey":"`+long+`"}`), 400, "VALIDATION_FAILED", []string{"/transactionKey"}},
		"an actor of choice":    {admin.post(place+o.ID+"/settle", `{"outcome":"DECLINED","reason":"x","actor":"root"}`), 400, "VALIDATION_FAILED", []string{"/actor"}},
		"an odd key":            {admin.with("Idempotency-Key", `"`).post(place+o.ID+"/settle", declined), 400, "INVALID_IDEMPOTENCY_KEY", nil},
		"an odd status":         {admin.get("/admin/v1/payments?status=LOST"), 400, "VALIDATION_FAILED", []string{"status"}},
		"odd about stuck":       {admin.get("/admin/v1/payments?stuck=perhaps"), 400, "VALIDATION_FAILED", []string{"stuck"}},
		"an odd age":            {admin.get("/admin/v1/payments?olderThan=old"), 400, "VALIDATION_FAILED", []string{"olderThan"}},
		"younger than now":      {admin.get("/admin/v1/payments?olderThan=-1m"), 400, "VALIDATION_FAILED", []string{"olderThan"}},
		"too many":              {admin.get("/admin/v1/payments?size=101"), 400, "VALIDATION_FAILED", []string{"size"}},
		"an odd cursor":         {admin.get("/admin/v1/payments?cursor=x"), 400, "INVALID_CURSOR", nil},
	} {
		p := c.request.must(t, s.shop, c.status).problem(t)
		if p.Code != c.code {
			t.Errorf("%s: code = %s, want %s (%s)", name, p.Code, c.code, p.Detail)
		}
		if diff := cmp.Diff(c.errors, slices.Compact(p.pointers())); diff != "" {
			t.Errorf("%s: %s\n%+v", name, diff, p.Errors)
		}
	}
	if is := s.order(t, o.ID); is.Status != "PENDING" {
		t.Errorf("the order is %s", is.Status)
	}
	admin.post(place+o.ID+"/settle", declined).must(t, s.shop, 200)
	for _, settlement := range []string{declined, approved} {
		if p := admin.post(place+o.Payment.ID+"/settle", settlement).must(t, s.shop, 409).problem(t); p.Code != "PAYMENT_ENDED" {
			t.Errorf("a second settlement: %s", p.Code)
		}
	}
}

func TestPaymentsAreForAdmins(t *testing.T) {
	t.Parallel()
	s := newCardShop(t)
	o := s.buy(t)
	place := "/admin/v1/payments/" + o.ID
	for _, r := range []request{
		s.as("").get("/admin/v1/payments"), s.as("").get(place), s.as("").post(place+"/recheck", ""), s.as("").post(place+"/settle", approved),
	} {
		if p := r.must(t, s.shop, 401).problem(t); p.Code != "UNAUTHENTICATED" {
			t.Errorf("%s %s: %s", r.method, r.path, p.Code)
		}
		if p := r.with("X-USER-ID", "kim").must(t, s.shop, 403).problem(t); p.Code != "FORBIDDEN" { // although the order is kim's
			t.Errorf("%s %s: %s", r.method, r.path, p.Code)
		}
	}
	if is := s.order(t, o.ID); is.Status != "PENDING" {
		t.Errorf("the order is %s", is.Status)
	}
}

func TestAShopWithoutAGatewayHasNoPaymentRoutes(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	place := "/admin/v1/payments/00000000-0000-7000-8000-000000000009"
	for _, r := range []request{
		s.as("admin").get("/admin/v1/payments"), s.as("admin").get(place), s.as("admin").post(place+"/recheck", ""),
		s.as("admin").post(place+"/settle", declined),
	} {
		if p := r.must(t, s, 503).problem(t); p.Code != "CARD_PAYMENTS_OFF" {
			t.Errorf("%s %s: %s", r.method, r.path, p.Code)
		}
	}
}

// Of sixteen settlements of one payment at once, one succeeds, and the others get an
// error.
func TestAPaymentIsSettledManuallyOnce(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, on engine) {
		t.Helper()
		s := cardShopOn(t, on)
		o := s.buy(t)
		answers := make(chan response, 16)
		for i := range cap(answers) {
			go func() {
				a, err := s.as("admin").with("Idempotency-Key", fmt.Sprint("k", i)).
					post("/admin/v1/payments/"+o.ID+"/settle", []string{declined, approved}[i%2]).send(t.Context(), s.shop)
				if err != nil {
					t.Error(err)
				}
				answers <- a
			}()
		}
		won := 0
		for range cap(answers) {
			switch a := <-answers; a.status {
			case http.StatusOK:
				won++
			case http.StatusConflict:
				if code := a.problem(t).Code; code != "PAYMENT_ENDED" {
					t.Errorf("code = %s", code)
				}
			default:
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		if won != 1 {
			t.Errorf("%d settlements succeeded", won)
		}
	})
}
