package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

const kim = `{"loginId":"kim2","email":"kim2@example.com","birthDate":"1999-12-31","gender":"MALE","password":"correct horse"}`

// A response reports all errors of a request at once, and is never a 500.
func TestAnInvalidRequestIsRejectedWithAllItsErrors(t *testing.T) {
	t.Parallel()
	eachEngine(t, refuseBadRequests)
}

func refuseBadRequests(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	for name, c := range map[string]struct {
		request
		status int
		code   string
		errors []string // pointers
	}{
		"no body":         {s.as("").post("/api/v1/users", ""), 400, "MALFORMED_BODY", []string{""}},
		"cut short":       {s.as("").post("/api/v1/users", `{"loginId":`), 400, "MALFORMED_BODY", []string{""}},
		"two bodies":      {s.as("").post("/api/v1/users", kim+kim), 400, "MALFORMED_BODY", []string{""}},
		"not an object":   {s.as("").post("/api/v1/users", `[1]`), 400, "VALIDATION_FAILED", []string{""}},
		"null":            {s.as("").post("/api/v1/users", `null`), 400, "VALIDATION_FAILED", []string{""}},
		"nested too deep": {s.as("").post("/api/v1/users", strings.Repeat("[", 100_000)), 400, "MALFORMED_BODY", []string{""}},
		"all wrong":       {s.as("").post("/api/v1/users", `{"loginId":5,"email":"x","birthDate":"2001-02-29","gender":"X","password":"short","age":3}`), 400, "VALIDATION_FAILED", []string{"/age", "/birthDate", "/email", "/gender", "/loginId", "/password"}},
		"all missing":     {s.as("").post("/api/v1/users", `{}`), 400, "VALIDATION_FAILED", []string{"/birthDate", "/email", "/gender", "/loginId", "/password"}},
		"born tomorrow":   {s.as("").post("/api/v1/users", strings.Replace(kim, "1999-12-31", "2026-03-03", 1)), 400, "VALIDATION_FAILED", []string{"/birthDate"}},
		"NUL in a text":   {s.as("").post("/api/v1/users", strings.Replace(kim, "kim2", `k\u0000`, 1)), 400, "MALFORMED_BODY", []string{"/loginId"}},
		"not UTF-8":       {s.as("").post("/api/v1/users", strings.Replace(kim, "kim2", "k\xff", 1)), 400, "MALFORMED_BODY", []string{""}},
		"plain text":      {s.as("").with("Content-Type", "text/plain").post("/api/v1/users", kim), 415, "UNSUPPORTED_MEDIA_TYPE", nil},
		"10 MB":           {s.as("").post("/api/v1/users", `{"loginId":"`+strings.Repeat("k", 10<<20)+`"}`), 413, "BODY_TOO_LARGE", []string{""}},

		"fraction":          {s.as("kim").post("/api/v1/points/charge", `{"amount":1.5}`), 400, "VALIDATION_FAILED", []string{"/amount"}},
		"number as text":    {s.as("kim").post("/api/v1/points/charge", `{"amount":"5"}`), 400, "VALIDATION_FAILED", []string{"/amount"}},
		"beyond 64 bits":    {s.as("kim").post("/api/v1/points/charge", `{"amount":99999999999999999999}`), 400, "VALIDATION_FAILED", []string{"/amount"}},
		"beyond a float":    {s.as("kim").post("/api/v1/points/charge", `{"amount":1e999}`), 400, "MALFORMED_BODY", []string{"/amount"}},
		"just over 64 bits": {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":9223372036854775808,"quantity":1}]}`), 400, "VALIDATION_FAILED", []string{"/items/0/productId"}},
		"one name twice":    {s.as("kim").post("/api/v1/points/charge", `{"Amount":999999999999,"amount":5}`), 400, "MALFORMED_BODY", []string{"/amount"}},
		"twice in a line":   {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1,"QUANTITY":0}]}`), 400, "MALFORMED_BODY", []string{"/items/0/quantity"}},
		"a folded letter":   {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1}],"itemſ":[]}`), 400, "MALFORMED_BODY", []string{"/itemſ"}},
		"negative charge":   {s.as("kim").post("/api/v1/points/charge", `{"amount":-5}`), 400, "VALIDATION_FAILED", []string{"/amount"}},
		"null amount":       {s.as("kim").post("/api/v1/points/charge", `{"amount":null}`), 400, "VALIDATION_FAILED", []string{"/amount"}},

		"empty basket": {s.as("kim").post("/api/v1/orders", `{"items":[]}`), 400, "VALIDATION_FAILED", []string{"/items"}},
		"no basket":    {s.as("kim").post("/api/v1/orders", `{"items":null}`), 400, "VALIDATION_FAILED", []string{"/items"}},
		"wrong lines":  {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1},{"productId":0,"quantity":100001},{"quantity":"x"}]}`), 400, "VALIDATION_FAILED", []string{"/items/1/productId", "/items/1/quantity", "/items/2/productId", "/items/2/quantity"}},
		"half a card":  {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1}],"payment":{"method":"CARD"}}`), 400, "VALIDATION_FAILED", []string{"/payment/cardNo", "/payment/cardType"}},
		"no such card": {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1}],"payment":{"method":"CARD","cardType":"KB","cardNo":"1234-5678-9814"}}`), 400, "VALIDATION_FAILED", []string{"/payment/cardNo"}},
		"other points": {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1}],"points":5}`), 400, "POINTS_DIFFER", nil},
		"odd order id": {s.as("kim").get("/api/v1/orders/5"), 400, "VALIDATION_FAILED", []string{"id"}},

		"page of none":       {s.as("").get("/api/v1/products?size=0"), 400, "VALIDATION_FAILED", []string{"size"}},
		"page of 101":        {s.as("").get("/api/v1/products?size=101&brandId=x"), 400, "VALIDATION_FAILED", []string{"brandId", "size"}},
		"bad cursor":         {s.as("").get("/api/v1/products?cursor=AAAA"), 400, "INVALID_CURSOR", nil},
		"bad order cursor":   {s.as("kim").get("/api/v1/orders?cursor=AAAA"), 400, "INVALID_CURSOR", nil},
		"bad like cursor":    {s.as("kim").get("/api/v1/users/me/likes?cursor=AAAA"), 400, "INVALID_CURSOR", nil},
		"bad ledger cursor":  {s.as("kim").get("/api/v1/points/history?cursor=AAAA"), 400, "INVALID_CURSOR", nil},
		"unknown sort":       {s.as("").get("/api/v1/products?sort=name"), 400, "INVALID_SORT", nil},
		"turned range":       {s.as("").get("/api/v1/products?minPrice=2&maxPrice=1"), 400, "VALIDATION_FAILED", []string{"minPrice"}},
		"odd range":          {s.as("").get("/api/v1/products?minPrice=-1&maxPrice=99999999999999999999"), 400, "VALIDATION_FAILED", []string{"maxPrice", "minPrice"}},
		"odd product id":     {s.as("").get("/api/v1/products/mug"), 400, "VALIDATION_FAILED", []string{"id"}},
		"huge product id":    {s.as("").get("/api/v1/products/99999999999999999999"), 400, "VALIDATION_FAILED", []string{"id"}},
		"NUL in the query":   {s.as("").get("/api/v1/products?q=%00"), 400, "MALFORMED_URL", nil},
		"query not UTF-8":    {s.as("").get("/api/v1/products?q=%ff"), 400, "MALFORMED_URL", nil},
		"query not escaped":  {s.as("").get("/api/v1/products?q=%zz"), 400, "MALFORMED_URL", nil},
		"NUL in the path":    {s.as("").get("/api/v1/products/%00"), 400, "MALFORMED_URL", nil},
		"unknown period":     {s.as("").get("/api/v1/rankings?period=hourly"), 400, "INVALID_PERIOD", nil},
		"weekly in capitals": {s.as("").get("/api/v1/rankings?period=Weekly"), 400, "INVALID_PERIOD", nil},
		"brand 0 of ranks":   {s.as("").get("/api/v1/rankings?brandId=0"), 400, "VALIDATION_FAILED", []string{"brandId"}},
		"odd brand of ranks": {s.as("").get("/api/v1/rankings?brandId=x"), 400, "VALIDATION_FAILED", []string{"brandId"}},
		"empty snapshot":     {s.as("").get("/api/v1/rankings?snapshot="), 400, "INVALID_SNAPSHOT", nil},
		"empty period":       {s.as("").get("/api/v1/rankings?period="), 400, "INVALID_PERIOD", nil},
		"no such date":       {s.as("").get("/api/v1/rankings?date=20260231"), 400, "INVALID_DATE", nil},
		"date with dashes":   {s.as("").get("/api/v1/rankings?date=2026-03-01"), 400, "INVALID_DATE", nil},
		"empty date":         {s.as("").get("/api/v1/rankings?date="), 400, "INVALID_DATE", nil},
		"page 0 of ranks":    {s.as("").get("/api/v1/rankings?page=0&size=1000"), 400, "VALIDATION_FAILED", []string{"page", "size"}},

		"wrong draft":      {s.as("admin").post("/admin/v1/products", `{"brandId":0,"name":"","price":0,"stock":-1}`), 400, "VALIDATION_FAILED", []string{"/brandId", "/name", "/price", "/stock"}},
		"name of a space":  {s.as("admin").post("/admin/v1/brands", `{"name":" "}`), 400, "VALIDATION_FAILED", []string{"/name"}},
		"move of nothing":  {s.as("admin").post("/admin/v1/products/1/stock", `{"delta":0,"reason":"x"}`), 400, "VALIDATION_FAILED", []string{"/delta"}},
		"odd status":       {s.as("admin").do("PATCH", "/admin/v1/products/1", `{"status":"SOLD_OUT"}`), 400, "VALIDATION_FAILED", []string{"/status"}},
		"stock by a patch": {s.as("admin").do("PATCH", "/admin/v1/products/1", `{"stock":5}`), 400, "VALIDATION_FAILED", []string{"/stock"}},

		"unknown route":    {s.as("").get("/api/v1/nothing"), 404, "ROUTE_NOT_FOUND", nil},
		"unknown page":     {s.as("").get("/docs/nothing"), 404, "ROUTE_NOT_FOUND", nil},
		"unknown brand":    {s.as("").get("/api/v1/brands/9"), 404, "BRAND_NOT_FOUND", nil},
		"unknown product":  {s.as("").get("/api/v1/products/9"), 404, "PRODUCT_NOT_FOUND", nil},
		"unknown order":    {s.as("kim").get("/api/v1/orders/0197a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b"), 404, "ORDER_NOT_FOUND", nil},
		"unknown to like":  {s.as("kim").post("/api/v1/products/9/likes", ""), 404, "PRODUCT_NOT_FOUND", nil},
		"unknown to buy":   {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":9,"quantity":1}]}`), 404, "PRODUCT_NOT_FOUND", nil},
		"unknown to patch": {s.as("admin").do("PATCH", "/admin/v1/products/9", `{"price":5}`), 404, "PRODUCT_NOT_FOUND", nil},
		"unknown to stock": {s.as("admin").post("/admin/v1/products/9/stock", `{"delta":1,"reason":"x"}`), 404, "PRODUCT_NOT_FOUND", nil},
		"brand of draft":   {s.as("admin").post("/admin/v1/products", `{"brandId":9,"name":"x","price":1,"stock":0}`), 404, "BRAND_NOT_FOUND", nil},

		"loginId taken":   {s.as("").post("/api/v1/users", strings.Replace(kim, "kim2", "kim", 1)), 409, "LOGIN_ID_TAKEN", nil},
		"email taken":     {s.as("").post("/api/v1/users", strings.Replace(kim, "kim2@", "KIM@", 1)), 409, "EMAIL_TAKEN", nil},
		"brand taken":     {s.as("admin").post("/admin/v1/brands", `{"name":"Loopers"}`), 409, "BRAND_NAME_TAKEN", nil},
		"too few left":    {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":11}]}`), 409, "INSUFFICIENT_STOCK", nil},
		"too few points":  {s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":9}]}`), 409, "INSUFFICIENT_POINTS", nil},
		"too much taken":  {s.as("admin").post("/admin/v1/products/1/stock", `{"delta":-11,"reason":"x"}`), 409, "INSUFFICIENT_STOCK", nil},
		"too much stock":  {s.as("admin").post("/admin/v1/products/1/stock", `{"delta":1000000000,"reason":"x"}`), 409, "STOCK_TOO_LARGE", nil},
		"one key, 256":    {s.as("kim").with("Idempotency-Key", strings.Repeat("k", 256)).post("/api/v1/points/charge", `{"amount":1}`), 400, "INVALID_IDEMPOTENCY_KEY", nil},
		"key cut short":   {s.as("kim").with("Idempotency-Key", `"k`).post("/api/v1/points/charge", `{"amount":1}`), 400, "INVALID_IDEMPOTENCY_KEY", nil},
		"key with spaces": {s.as("kim").with("Idempotency-Key", `k k`).post("/api/v1/points/charge", `{"amount":1}`), 400, "INVALID_IDEMPOTENCY_KEY", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := c.request.must(t, s, c.status).problem(t)
			if p.Code != c.code {
				t.Errorf("code = %s, want %s (%s)", p.Code, c.code, p.Detail)
			}
			if diff := cmp.Diff(c.errors, slices.Compact(p.pointers())); diff != "" {
				t.Errorf("%s\n%+v", diff, p.Errors)
			}
		})
	}
}

func TestLimitsInErrorsAreWrittenInDigits(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for want, r := range map[string]request{
		"expected number <= 10000000":           s.as("kim").post("/api/v1/points/charge", `{"amount":10000001}`),
		"expected number <= 1000000":            s.as("").get("/api/v1/rankings?page=1000001"),
		"expected number >= -1000000000":        s.as("admin").post("/admin/v1/products/1/stock", `{"delta":-1000000001,"reason":"x"}`),
		"must be an integer of at most 64 bits": s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1e19,"quantity":1}]}`),
	} {
		if p := r.must(t, s, 400).problem(t); len(p.Errors) != 1 || p.Errors[0].Detail != want {
			t.Errorf("errors = %+v, want %q", p.Errors, want)
		}
	}
}

func TestMediaTypesAreCaseInsensitive(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.as("kim").with("Content-Type", "Application/JSON; charset=UTF-8").post("/api/v1/points/charge", `{"amount":1}`).must(t, s, 200)
}

func TestAnUnknownMethodGetsTheAllowedMethods(t *testing.T) {
	t.Parallel()
	s := open(t)
	a := s.as("").do("PUT", "/api/v1/products/1/likes", "").must(t, s, 405)
	if allow := a.header.Get("Allow"); allow != "DELETE, POST" {
		t.Errorf("Allow = %q", allow)
	}
}

func TestInternalErrorsDoNotRevealDetails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"an error":          {errors.New("10.0.0.7 says: password wrong"), 500, "INTERNAL"},
		"no connection":     {fmt.Errorf("board: %w", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("10.0.0.7: refused")}), 503, "DEPENDENCY_AWAY"},
		"a cut connection":  {fmt.Errorf("10.0.0.7: %w", io.ErrUnexpectedEOF), 503, "DEPENDENCY_AWAY"},
		"a panic":           {errPanic, 500, "INTERNAL"},
		"a dependency":      {fault.New(fault.Unavailable, "BOARD_AWAY", "the ranking cannot be read just now"), 503, "BOARD_AWAY"},
		"an internal fault": {fault.New(fault.Internal, "SECRET_CODE", "password wrong"), 500, "INTERNAL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			s.rankings.err = c.err
			a := s.as("").get("/api/v1/rankings").must(t, s, c.status)
			p := a.problem(t)
			if p.Code != c.code || strings.Contains(a.body, "password") || strings.Contains(a.body, "10.0.0.7") {
				t.Errorf("body = %s", a.body)
			}
			if log := s.log.String(); !strings.Contains(log, p.TraceID) || !strings.Contains(log, c.err.Error()) {
				t.Errorf("the log has no details under %s:\n%s", p.TraceID, log)
			}
			if wait := a.header.Get("Retry-After"); (wait != "") != (c.status == 503) {
				t.Errorf("Retry-After = %q", wait)
			}
		})
	}
}

func TestARequestThatTimesOutIs503(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *api.Config) { c.Limits.Time = time.Millisecond })
	s.rankings.blocked = true
	if p := s.as("").get("/api/v1/rankings").must(t, s, 503).problem(t); p.Code != "TIMEOUT" {
		t.Errorf("code = %s", p.Code)
	}
}

func TestABodyThatDoesNotArriveIs408(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *api.Config) { c.Limits.Body = time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status = %d", resp.StatusCode)
	}
}

func TestATraceIsContinuedInResponsesAndEvents(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	a := s.as("kim").with("Traceparent", "00-"+traceID+"-b7ad6b7169203331-00").post("/api/v1/products/1/likes", "").must(t, s, 204)
	if got := a.header.Get("X-Trace-Id"); got != traceID {
		t.Errorf("X-Trace-Id = %q", got)
	}
	events := s.outbox(t)
	last := events[len(events)-1].Envelope
	if last.Type != "product.liked" || last.Traceparent != a.header.Get("Traceresponse") || !strings.HasPrefix(last.Traceparent, "00-"+traceID+"-") ||
		!strings.HasSuffix(last.Traceparent, "-00") || strings.Contains(last.Traceparent, "b7ad6b7169203331") {
		t.Errorf("%s: Traceparent %q, Traceresponse %q", last.Type, last.Traceparent, a.header.Get("Traceresponse"))
	}
	for _, bad := range []string{
		"", "nonsense", "ff-" + traceID + "-b7ad6b7169203331-00", "00-00000000000000000000000000000000-b7ad6b7169203331-00",
		"00-" + traceID + "-0000000000000000-00", "00-" + strings.ToUpper(traceID) + "-b7ad6b7169203331-00",
	} {
		a := s.as("").with("Traceparent", bad).get("/api/v1/products").must(t, s, 200)
		if got := a.header.Get("X-Trace-Id"); len(got) != 32 || got == traceID || strings.Trim(got, "0") == "" {
			t.Errorf("after %q: X-Trace-Id = %q", bad, got)
		}
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.as("").get("/api/v1/products/1").must(t, s, 200)
	s.as("").get("/api/v1/products/9").must(t, s, 404)
	s.as("").get("/api/v1/elsewhere/17").must(t, s, 404)
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[f.GetName()+" "+strings.Join(labels, " ")] = m.GetHistogram().GetSampleCount()
		}
	}
	for _, want := range []string{"GET /api/v1/products/{id} 200", "GET /api/v1/products/{id} 404", " other 404"} {
		if got["commerce_http_request_duration_seconds "+want] != 1 {
			t.Errorf("%q was not counted exactly once: %v", want, got)
		}
	}
}
