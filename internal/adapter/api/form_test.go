package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// after returns the parameter that continues a list; at its beginning there is none.
func after(cursor string) string {
	if cursor == "" {
		return ""
	}
	return "&cursor=" + cursor
}

// operation is what the tests read of the OpenAPI document.
type operation struct {
	Parameters []struct{ Name, In string }
}

// operations returns the operations of the OpenAPI document by path and method.
func (s *shop) operations(t *testing.T) map[string]map[string]operation {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]operation
	}
	s.as("").get("/openapi.json").must(t, s, 200).into(t, &doc)
	if len(doc.Paths) < 20 {
		t.Fatalf("the document has %d paths", len(doc.Paths))
	}
	return doc.Paths
}

// filled returns a path with an id in place of its parameters.
func filled(path string) string {
	for _, name := range []string{"{productId}", "{id}"} {
		value := "1"
		if strings.Contains(path, "orders") || strings.Contains(path, "coupons") || strings.Contains(path, "payments") || strings.Contains(path, "events") || strings.Contains(path, "letters") {
			value = "0197a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b"
		}
		path = strings.ReplaceAll(path, name, value)
	}
	return path
}

// Each parameter in the query of each route: the rule is of all routes, and of those to come.
func TestNoParameterOfAQueryIsEmptyOrGivenTwice(t *testing.T) {
	t.Parallel()
	s, tried := stocked(t), 0
	for path, methods := range s.operations(t) {
		for method, op := range methods {
			for _, p := range op.Parameters {
				if p.In != "query" {
					continue
				}
				tried++
				for _, query := range []string{p.Name + "=", p.Name, p.Name + "=1&" + p.Name + "=1", p.Name + "=&" + p.Name + "=1"} {
					r := s.as("admin").do(strings.ToUpper(method), filled(path)+"?"+query, "")
					if method == "post" {
						r.body = `{"view":1,"like":1,"order":1}`
					}
					got := r.must(t, s, 400).problem(t)
					own := map[string]string{"cursor": "INVALID_CURSOR", "date": "INVALID_DATE", "period": "INVALID_PERIOD", "snapshot": "INVALID_SNAPSHOT", "sort": "INVALID_SORT"}[p.Name]
					if own == "" && !slices.Contains(got.pointers(), p.Name) || own != "" && got.Code != own && !slices.Contains(got.pointers(), p.Name) {
						t.Errorf("%s %s?%s: %s %v", method, path, query, got.Code, got.pointers())
					}
				}
			}
		}
	}
	if tried < 30 {
		t.Errorf("%d parameters were tried", tried)
	}
	s.as("").get("/api/v1/products?utm_source=&utm_source=x&Size=").must(t, s, 200) // nobody reads these
	p := s.as("").get("/api/v1/products?cursor=&size=0&minPrice=").must(t, s, 400).problem(t)
	if diff := cmp.Diff([]string{"cursor", "minPrice", "size"}, p.pointers()); diff != "" {
		t.Errorf("not all at once: %s", diff)
	}
}

// An empty key is a wish for protection, and so are two of them: nothing happens twice, or at all.
func TestAHeaderThatIsReadIsNotEmptyOrGivenTwice(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	keyed := 0
	for path, methods := range s.operations(t) {
		for method, op := range methods {
			for _, p := range op.Parameters {
				if p.Name != "Idempotency-Key" {
					continue
				}
				keyed++
				for _, values := range [][]string{{""}, {"  "}, {"\t"}, {"a", "b"}, {"a", "a"}, {"", "a"}, {`""`}} {
					h := http.Header{"X-User-Id": {"admin"}, "Idempotency-Key": values}
					w := ask(s, strings.ToUpper(method), filled(path), h)
					if values[0] != `""` && (w.Code != 400 || !strings.Contains(w.Body.String(), "INVALID_IDEMPOTENCY_KEY")) {
						t.Errorf("%s %s with the keys %q: %d %s", method, path, values, w.Code, w.Body)
					}
				}
			}
		}
	}
	if keyed < 7 {
		t.Errorf("%d routes have a key", keyed)
	}
	if got := s.balance(t, "kim"); got != 100_000 {
		t.Errorf("balance = %d", got)
	}
}

func TestCredentialsAreGivenOnce(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.as("").post("/api/v1/users", kim).must(t, s, 201)
	good := "Bearer " + s.token(t)
	for _, c := range []struct {
		header http.Header
		status int
		code   string
	}{
		{http.Header{"Authorization": {good}}, 200, ""},
		{http.Header{"Authorization": {""}, "X-User-Id": {"kim"}}, 401, "BAD_TOKEN"},
		{http.Header{"Authorization": {" "}}, 401, "BAD_TOKEN"},
		{http.Header{"Authorization": {"", "Bearer x"}, "X-User-Id": {"kim"}}, 400, "INVALID_HEADER"},
		{http.Header{"Authorization": {good, good}}, 400, "INVALID_HEADER"},
		{http.Header{"X-User-Id": {"admin", "kim"}}, 400, "INVALID_HEADER"},
		{http.Header{"X-User-Id": {""}}, 400, "INVALID_HEADER"},
		{http.Header{"Authorization": {good}, "X-User-Id": {"kim", "admin"}}, 400, "INVALID_HEADER"},
	} {
		for _, path := range []string{"/api/v1/products/1", "/api/v1/points", "/api/v1/rankings/stream"} {
			if path == "/api/v1/rankings/stream" && c.status == 200 {
				continue
			}
			w := ask(s, "GET", path, c.header)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) {
				t.Errorf("%s %v: %d %s", path, c.header, w.Code, w.Body)
			}
		}
	}
}

func TestABodyIsNotCompressedAndNotWhereNoneIs(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for _, coding := range []string{"gzip", "identity, br", "GZIP", "x"} {
		a := s.as("kim").with("Content-Encoding", coding).post("/api/v1/points/charge", `{"amount":1}`).must(t, s, 415)
		if p := a.problem(t); p.Code != "UNSUPPORTED_CONTENT_ENCODING" || a.header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %s, Accept-Encoding %q", coding, p.Code, a.header.Get("Accept-Encoding"))
		}
	}
	s.as("kim").with("Content-Encoding", "Identity").post("/api/v1/points/charge", `{"amount":1}`).must(t, s, 200)
	s.as("kim").post("/api/v1/products/1/likes", `{}`).must(t, s, 204) // a form of many clients; nobody reads it
	for _, r := range []request{
		s.as("").do("GET", "/api/v1/products/1", `{}`), s.as("").do("GET", "/api/v1/products", `{"size":1}`),
		s.as("kim").do("DELETE", "/api/v1/products/1/likes", `{}`), s.as("").do("HEAD", "/api/v1/products/1", `{}`),
	} {
		a, err := r.send(t.Context(), s)
		if err != nil || a.status != 400 || a.body != "" && a.problem(t).Code != "BODY_NOT_EXPECTED" {
			t.Errorf("%s %s: %d %s %v", r.method, r.path, a.status, a.body, err)
		}
	}
}

func TestNullIsWhatTheSchemaAllows(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for body, want := range map[string][]string{
		`{"price":null}`: {"/price"}, `{"price":null,"name":null,"x":1}`: {"/name", "/price", "/x"}, `{"PRICE":null}`: {"/PRICE"},
		`{"a.b":1,"c/d~e":2,"f[0]":3,"":4}`: {"/", "/a.b", "/c~1d~0e", "/f[0]"}, `{"name":"null"}`: nil,
	} {
		a, err := s.as("admin").do("PATCH", "/admin/v1/products/1", body).send(t.Context(), s)
		if err != nil || (a.status == 200) != (want == nil) {
			t.Fatalf("%s: %d %s %v", body, a.status, a.body, err)
		}
		if want != nil {
			if diff := cmp.Diff(want, a.problem(t).pointers()); diff != "" {
				t.Errorf("%s: %s", body, diff)
			}
		}
	}
	s.as("admin").post("/admin/v1/brands", `{"name":"x","description":null}`).must(t, s, 400)
	s.as("admin").post("/admin/v1/coupons", `{"name":"x","type":"FIXED","value":1,"maxDiscount":null,"quantity":1,"validDays":1}`).must(t, s, 201)
}

func TestPointersNameThePartThatIsWrong(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for body, want := range map[string]string{
		`{"items":[{"productId":1,"quantity":1},{"productId":9223372036854775808,"quantity":1}]}`:       "/items/1/productId",
		`{"items":[{"productId":1,"quantity":1}, {"quantity":1, "productId" : 9223372036854775808 } ]}`: "/items/1/productId",
		`{"items":[{"productId":1e400,"quantity":1}]}`:                                                  "/items/0/productId",
		`{"items":[{"productId":1,"quantity":1}],"x":[[],{"a/b":[2,1e400]}]}`:                           "/x/1/a~1b/1",
		`{"items":[{"productId":1,"quantity":1}],"a: b":"\u0000"}`:                                      "/a: b",
		`{"items":[{"productId":1,"quantity":1}],"a/b":{"c~":1,"C~":1}}`:                                "/a~1b/c~0",
	} {
		p := s.as("kim").post("/api/v1/orders", body).must(t, s, 400).problem(t)
		if diff := cmp.Diff([]string{want}, p.pointers()); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

func TestNumbersThatAreIntegersAreRead(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	have := s.balance(t, "kim")
	for number, want := range map[string]int64{"5.0": 5, "1e3": 1000, "1.5E1": 15, "0.20e+2": 20, "120e-1": 12, "1000000e-000": 1_000_000} {
		s.as("kim").post("/api/v1/points/charge", `{"amount":`+number+`}`).must(t, s, 200)
		if got := s.balance(t, "kim"); got != have+want {
			t.Errorf("%s is %d", number, got-have)
		}
		have = s.balance(t, "kim")
	}
	for _, number := range []string{"1.5", "1e-1", "1e400", "1e999999999999999999999", "-1.0", "0e9", "01.0", "1.", "1e", ".5e1", `"5.0"`, "1e19", "1_0"} {
		s.as("kim").post("/api/v1/points/charge", `{"amount":`+number+`}`).must(t, s, 400)
	}
	exact := s.as("admin").get("/api/v1/products/9007199254740993").must(t, s, 404).problem(t).Detail
	p := s.as("kim").post("/api/v1/orders", `{"items":[{"productId":9007199254740993.0,"quantity":1e0}]}`).must(t, s, 404).problem(t)
	if !strings.Contains(p.Detail, "9007199254740993") {
		t.Errorf("%q was rounded; %q", p.Detail, exact)
	}
	var kept struct{ Name string }
	s.as("admin").do("PATCH", "/admin/v1/products/1", `{"name":"a 1e3 \" 5.0 \\"}`).must(t, s, 200).into(t, &kept)
	if kept.Name != `a 1e3 " 5.0 \` {
		t.Errorf("a text became %q", kept.Name)
	}
}

func TestTitlesAreThoseOfRFC9110(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	r := s.as("kim").with("Idempotency-Key", "one")
	r.post("/api/v1/points/charge", `{"amount":1}`).must(t, s, 200)
	for want, r := range map[string]request{
		"Unprocessable Content": r.post("/api/v1/points/charge", `{"amount":2}`),
		"Content Too Large":     s.as("").post("/api/v1/users", `{"loginId":"`+strings.Repeat("k", 2<<20)+`"}`),
	} {
		a, err := r.send(t.Context(), s)
		if p := a.problem(t); err != nil || p.Title != want {
			t.Errorf("title = %q, want %q (%v)", p.Title, want, err)
		}
	}
}

func TestAPathThatIsNotCleanDoesNotExist(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for _, path := range []string{"//api/v1/products", "/api//v1/products", "/api/v1/./products", "/api/v1/x/../products", "/api/v1/products//", "/docs//x", "//"} {
		for _, method := range []string{"GET", "POST", "HEAD"} {
			w := ask(s, method, path, http.Header{})
			if w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Location") != "" {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
		}
	}
}

// The table of who looks and who does not, with the near cache and without.
func TestAViewIsAGetOfSomebodyWhoLooks(t *testing.T) {
	t.Parallel()
	kept, plain := twoShops(t)
	tag := plain.as("").get("/api/v1/products/1").must(t, plain, 200).header.Get("Etag")
	kept.as("").get("/api/v1/products/1").must(t, kept, 200)
	for _, c := range []struct {
		method string
		header http.Header
		path   string
		views  int
	}{
		{"GET", http.Header{}, "/api/v1/products/1", 1},
		{"GET", http.Header{"If-None-Match": {tag}}, "/api/v1/products/1", 1},
		{"GET", http.Header{"Sec-Purpose": {"x"}}, "/api/v1/products/1", 1},
		{"GET", http.Header{"Accept": {"application/xml"}}, "/api/v1/products/1", 1}, // past the near cache
		{"HEAD", http.Header{}, "/api/v1/products/1", 0},
		{"HEAD", http.Header{"If-None-Match": {tag}}, "/api/v1/products/1", 0},
		{"GET", http.Header{"Sec-Purpose": {"prefetch"}}, "/api/v1/products/1", 0},
		{"GET", http.Header{"Sec-Purpose": {"prefetch;prerender"}}, "/api/v1/products/1", 0},
		{"GET", http.Header{"Sec-Purpose": {"prefetch"}, "If-None-Match": {tag}}, "/api/v1/products/1", 0},
		{"GET", http.Header{"Sec-Purpose": {"prefetch"}, "Accept": {"application/xml"}}, "/api/v1/products/1", 0},
		{"GET", http.Header{"Purpose": {"Prefetch"}}, "/api/v1/products/1", 0},
		{"GET", http.Header{"X-Purpose": {"preview"}}, "/api/v1/products/1", 0},
		{"GET", http.Header{"X-Moz": {"prefetch"}}, "/api/v1/products/1", 0},
		{"GET", http.Header{}, "/api/v1/products/99", 0},
		{"GET", http.Header{}, "/api/v1/products", 0},
		{"POST", http.Header{}, "/api/v1/products/1", 0},
		{"OPTIONS", http.Header{}, "/api/v1/products/1", 0},
	} {
		for name, s := range map[string]*shop{"near": kept, "plain": plain} {
			before := len(s.views.all())
			ask(s, c.method, c.path, c.header)
			if got := len(s.views.all()) - before; got != c.views {
				t.Errorf("%s: %s %s %v: %d views, want %d", name, c.method, c.path, c.header, got, c.views)
			}
		}
	}
}
