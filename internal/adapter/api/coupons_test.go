package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	tenPercent  = `{"name":"Welcome","type":"PERCENT","value":10,"maxDiscount":2000,"minOrderAmount":20000,"quantity":2,"validDays":30}`
	thousandOff = `{"name":"Thanks","type":"FIXED","value":1000,"maxDiscount":null,"quantity":1,"validDays":1}`
	oneMug      = `{"items":[{"productId":1,"quantity":1}]}`
)

// offer creates a coupon and returns its id.
func (s *shop) offer(t *testing.T, body string) string {
	t.Helper()
	var c struct{ ID string }
	s.as("admin").post("/admin/v1/coupons", body).must(t, s, 201).into(t, &c)
	return c.ID
}

// issue returns a request that issues a coupon.
func (r request) issue(kind string) request { return r.post("/api/v1/coupons/"+kind+"/issue", "") }

// issued issues a coupon to a user and returns the id of the issued coupon.
func (s *shop) issued(t *testing.T, loginID, kind string) string {
	t.Helper()
	var c struct{ ID string }
	s.as(loginID).issue(kind).must(t, s, 201).into(t, &c)
	return c.ID
}

// with adds a couponId to the body of an order.
func with(couponID, order string) string {
	return strings.Replace(order, "{", `{"couponId":"`+couponID+`",`, 1)
}

func TestTheResponsesAboutACouponMatchTheGoldenFiles(t *testing.T) {
	t.Parallel()
	eachEngine(t, checkCouponResponses)
}

func checkCouponResponses(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	offered := s.as("admin").post("/admin/v1/coupons", tenPercent).must(t, s, 201)
	offered.golden(t, "admin_coupon")
	place := offered.header.Get("Location")
	s.as("admin").get(place).must(t, s, 200).golden(t, "admin_coupon")
	kind := strings.TrimPrefix(place, "/admin/v1/coupons/")
	thanks := s.as("admin").post("/admin/v1/coupons", thousandOff).must(t, s, 201)
	thanks.golden(t, "admin_coupon_fixed")
	s.as("kim").get("/api/v1/users/me/coupons").must(t, s, 200).golden(t, "coupons_none")

	got := s.as("kim").issue(kind).must(t, s, 201)
	got.golden(t, "coupon")
	if l := got.header.Get("Location"); l != "/api/v1/users/me/coupons" {
		t.Errorf("Location = %q, want the list of the user's coupons", l)
	}
	s.issued(t, "kim", strings.TrimPrefix(thanks.header.Get("Location"), "/admin/v1/coupons/"))
	order := s.as("kim").post("/api/v1/orders", with(kind, twoMugs)).must(t, s, 201)
	order.golden(t, "order_coupon")
	s.late.Store(24 * 60 * 60) // a coupon that is valid for a day has just expired
	s.as("kim").get("/api/v1/users/me/coupons").must(t, s, 200).golden(t, "coupons")
	s.as("kim").post(order.header.Get("Location")+"/cancel", "").must(t, s, 200)
	s.as("kim").get("/api/v1/users/me/coupons").must(t, s, 200).golden(t, "coupons_given_back")

	var c struct{ Issued int }
	s.as("admin").get(place).must(t, s, 200).into(t, &c)
	if c.Issued != 1 {
		t.Errorf("%d are issued, want 1", c.Issued)
	}
}

func TestEveryErrorOfACouponHasItsCode(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.join(t, "lee")
	last, spare := s.offer(t, thousandOff), s.offer(t, tenPercent)
	s.issued(t, "kim", last)
	theirs := s.issued(t, "lee", spare)
	dear, used := s.issued(t, "kim", spare), s.issued(t, "kim", s.offer(t, strings.Replace(tenPercent, "20000", "0", 1)))
	s.as("kim").post("/api/v1/orders", with(used, oneMug)).must(t, s, 201)
	old := s.issued(t, "kim", s.offer(t, thousandOff))
	s.late.Store(24 * 60 * 60)
	const unknown = "0197a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b"
	kim, admin := s.as("kim"), s.as("admin")
	balance := s.balance(t, "kim")
	for name, c := range map[string]struct {
		request request
		status  int
		code    string
		errors  []string
	}{
		"not logged in":        {s.as("").issue(spare), 401, "UNAUTHENTICATED", nil},
		"no user":              {s.as("").get("/api/v1/users/me/coupons"), 401, "UNAUTHENTICATED", nil},
		"offered by kim":       {kim.post("/admin/v1/coupons", tenPercent), 403, "FORBIDDEN", nil},
		"looked at by kim":     {kim.get("/admin/v1/coupons/" + last), 403, "FORBIDDEN", nil},
		"odd id":               {kim.issue("5"), 400, "VALIDATION_FAILED", []string{"id"}},
		"odd id, offered":      {admin.get("/admin/v1/coupons/5"), 400, "VALIDATION_FAILED", []string{"id"}},
		"unknown":              {kim.issue(unknown), 404, "COUPON_NOT_FOUND", nil},
		"unknown, offered":     {admin.get("/admin/v1/coupons/" + unknown), 404, "COUPON_NOT_FOUND", nil},
		"sold out":             {s.as("lee").issue(last), 409, "COUPON_SOLD_OUT", nil},
		"the last one, again":  {kim.issue(last), 409, "COUPON_ALREADY_ISSUED", nil},
		"bad cursor":           {kim.get("/api/v1/users/me/coupons?cursor=AAAA"), 400, "INVALID_CURSOR", nil},
		"page of none":         {kim.get("/api/v1/users/me/coupons?size=0"), 400, "VALIDATION_FAILED", []string{"size"}},
		"key with spaces":      {kim.with("Idempotency-Key", "k k").issue(spare), 400, "INVALID_IDEMPOTENCY_KEY", nil},
		"an empty draft":       {admin.post("/admin/v1/coupons", `{}`), 400, "VALIDATION_FAILED", []string{"/name", "/quantity", "/type", "/validDays", "/value"}},
		"wrong numbers":        {admin.post("/admin/v1/coupons", `{"name":"x","type":"FREE","value":0,"maxDiscount":0,"minOrderAmount":-1,"quantity":0,"validDays":0}`), 400, "VALIDATION_FAILED", []string{"/maxDiscount", "/minOrderAmount", "/quantity", "/type", "/validDays", "/value"}},
		"above 100 percent":    {admin.post("/admin/v1/coupons", `{"name":" ","type":"PERCENT","value":101,"quantity":1,"validDays":1}`), 400, "VALIDATION_FAILED", []string{"/name", "/value"}},
		"limit of a fixed one": {admin.post("/admin/v1/coupons", `{"name":"x","type":"FIXED","value":5,"maxDiscount":5,"quantity":1,"validDays":1}`), 400, "VALIDATION_FAILED", []string{"/maxDiscount"}},
		"odd in an order":      {kim.post("/api/v1/orders", with("5", oneMug)), 400, "VALIDATION_FAILED", []string{"/couponId"}},
		"unknown in an order":  {kim.post("/api/v1/orders", with(unknown, oneMug)), 404, "COUPON_NOT_FOUND", nil},
		"lee's in an order":    {kim.post("/api/v1/orders", with(theirs, oneMug)), 404, "COUPON_NOT_FOUND", nil},
		"below the minimum":    {kim.post("/api/v1/orders", with(dear, oneMug)), 409, "COUPON_MINIMUM_NOT_MET", nil},
		"used":                 {kim.post("/api/v1/orders", with(used, oneMug)), 409, "COUPON_ALREADY_USED", nil},
		"expired":              {kim.post("/api/v1/orders", with(old, oneMug)), 409, "COUPON_EXPIRED", nil},
	} {
		p := c.request.must(t, s, c.status).problem(t)
		if p.Code != c.code {
			t.Errorf("%s: code = %s, want %s (%s)", name, p.Code, c.code, p.Detail)
		}
		if diff := cmp.Diff(c.errors, slices.Compact(p.pointers())); diff != "" {
			t.Errorf("%s: %s\n%+v", name, diff, p.Errors)
		}
	}
	if k, l, b := s.orders(t, "kim"), s.orders(t, "lee"), s.balance(t, "kim"); k != 1 || l != 0 || b != balance {
		t.Errorf("%d and %d orders, %d won; want 1, 0 and %d", k, l, b, balance)
	}
}

func TestARepeatedIssueGetsTheFirstResponseAgain(t *testing.T) {
	t.Parallel()
	eachEngine(t, repeatAnIssue)
}

func repeatAnIssue(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	kind, other := s.offer(t, thousandOff), s.offer(t, thousandOff)
	keyed := s.as("kim").with("Idempotency-Key", "k")
	answers, start := make([]response, 32), make(chan struct{})
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			<-start
			var err error
			if answers[i], err = keyed.issue(kind).send(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	all.Wait()
	first := keyed.issue(kind).must(t, s, 201)
	for _, a := range answers {
		if a.status == http.StatusConflict && a.problem(t).Code == "IDEMPOTENCY_KEY_IN_USE" {
			continue
		}
		if a.status != http.StatusCreated || a.body != first.body || a.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%d %s, want\n%s", a.status, a.body, first.body)
		}
	}
	if h := first.header.Get("Idempotent-Replayed"); h != "true" {
		t.Errorf("Idempotent-Replayed: %q", h)
	}
	keyed.issue(other).must(t, s, 422) // the coupon is part of the request
	if p := s.as("kim").issue(kind).must(t, s, 409).problem(t); p.Code != "COUPON_ALREADY_ISSUED" {
		t.Errorf("without the key: %s", p.Code)
	}
}

func TestCouponsArePaged(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	var has []string
	for i := range 3 {
		has = append(has, s.issued(t, "kim", s.offer(t, strings.Replace(thousandOff, "Thanks", fmt.Sprint("Thanks ", i), 1))))
	}
	type list struct {
		Items []struct{ ID string }
		Page  struct {
			NextCursor *string
			HasMore    bool
		}
	}
	var one, two list
	s.as("kim").get("/api/v1/users/me/coupons?size=2").must(t, s, 200).into(t, &one)
	if !one.Page.HasMore || one.Page.NextCursor == nil {
		t.Fatalf("page one: %+v", one.Page)
	}
	s.as("kim").get("/api/v1/users/me/coupons?size=2&cursor="+*one.Page.NextCursor).must(t, s, 200).into(t, &two)
	if two.Page.HasMore || two.Page.NextCursor != nil {
		t.Errorf("page two: %+v", two.Page)
	}
	var seen []string
	for _, i := range append(one.Items, two.Items...) {
		seen = append(seen, i.ID)
	}
	slices.Reverse(has)
	if !slices.Equal(seen, has) {
		t.Errorf("listed %v, want %v", seen, has)
	}
}
