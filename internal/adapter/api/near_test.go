package api_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// withNear gives a shop a near cache.
func withNear(c *api.Config) { c.NearBytes, c.Random = 8<<20, func() float64 { return 0.5 } }

// oddPaths are paths that are usual, unusual and wrong.
func oddPaths() []string {
	const products, brands, rankings = "/api/v1/products", "/api/v1/brands", "/api/v1/rankings"
	all := []string{"/", "//api/v1/products/1", "/api/v1/productsx", "/api/v1/product", "/API/v1/products/1", "/openapi.json"}
	for _, one := range []string{products, brands} {
		for _, pid := range []string{
			"1", "2", "3", "4", "99", "0", "-1", "+1", "01", "1e3", "1.0", "%31", "1%20", "1/", "1/x", "1?", "1?x=1", "1#x", "", " 1", "%00", "%ff",
			"999999999999999999", "9223372036854775807", "9223372036854775808", "99999999999999999999", "stream", "..", "../products/1",
		} {
			all = append(all, one+"/"+pid)
		}
	}
	for _, query := range []string{
		"", "?", "?sort=latest", "?sort=price_asc", "?sort=price_desc", "?sort=likes_desc", "?sort=x", "?sort=", "?SORT=latest", "?size=1", "?size=0",
		"?size=101", "?size=", "?size=x", "?brandId=1", "?brandId=99", "?brandId=0", "?brandId=-1", "?brandId=x", "?q=Mug", "?q=mug", "?q=%00",
		"?q=%zz", "?q=%ff", "?q=" + url.QueryEscape("머그"), "?q=" + strings.Repeat("x", 201), "?q=" + strings.Repeat("x", 300), "?minPrice=1", "?minPrice=-1",
		"?minPrice=2&maxPrice=1", "?minPrice=1&maxPrice=99999", "?cursor=", "?cursor=x", "?%63ursor=x", "?x=1", "?size=1&size=2", "?size=1;sort=latest",
		"?date=", "?date=20260302", "?date=20260230", "?date=19000101", "?period=weekly", "?period=x", "?page=1", "?page=2", "?page=0", "?page=x",
		"?snapshot=new", "?snapshot=", "?snapshot=x", "?snapshot=&snapshot=new", "?date=20260302&date=20260302", "?utm_source=&utm_source=x", "?minPrice=", "?q=", "?brandId=", "?brandId=1&period=daily",
	} {
		all = append(all, products+query, rankings+query)
	}
	return all
}

// oddHeaders are headers that clients may send.
func oddHeaders(tag, token string) []http.Header {
	return []http.Header{
		{},
		{"If-None-Match": {tag}},
		{"If-None-Match": {`"x", ` + tag}},
		{"If-None-Match": {strings.TrimPrefix(tag, "W/")}},
		{"If-None-Match": {"*"}},
		{"If-None-Match": {`"x"`}},
		{"If-None-Match": {""}},
		{"If-None-Match": {`"x"`, tag}},
		{"Authorization": {"Bearer x"}},
		{"Authorization": {"Bearer " + token}},
		{"Authorization": {"Basic eDp4"}},
		{"Authorization": {""}},
		{"X-User-Id": {"kim"}},
		{"X-User-Id": {"kim"}, "If-None-Match": {tag}},
		{"X-User-Id": {"nobody"}},
		{"X-User-Id": {"\xff"}},
		{"X-User-Id": {""}},
		{"Accept": {"*/*"}},
		{"Accept": {"application/json;q=0.1, text/html"}},
		{"Accept": {"application/xml"}},
		{"Accept": {"application/cbor"}},
		{"Accept": {"json"}},
		{"Accept": {""}},
		{"Accept": {"application/xml", "application/json"}},
		{"Accept-Encoding": {"gzip"}},
		{"Accept-Encoding": {"br;q=1.0, GZIP;q=0.8, *;q=0.1"}},
		{"Accept-Encoding": {"gzip, deflate, br, zstd"}},
		{"Accept-Encoding": {"gzip", "br"}},
		{"Accept-Encoding": {"identity, gzip;q=0.5"}},
		{"Accept-Encoding": {"identity;q=0, *;q=0"}},
		{"Accept-Encoding": {";;=,q"}},
		{"Accept-Encoding": {"zstd"}, "If-None-Match": {tag}},
		{"Range": {"bytes=0-9"}},
		{"Cache-Control": {"no-cache"}},
		{"Content-Type": {"text/plain"}},
		{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}},
		{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "Tracestate": {"a=b"}},
		{"Traceparent": {"x"}},
		{"Traceparent": {""}},
		{"Idempotency-Key": {"x"}},
		{"Idempotency-Key": {""}},
		{"Authorization": {"Bearer " + token, "Bearer " + token}},
		{"Authorization": {"", "Bearer " + token}},
		{"Authorization": {"Bearer " + token}, "X-User-Id": {""}},
		{"X-User-Id": {"admin", "kim"}},
		{"X-User-Id": {" "}},
		{"Content-Encoding": {"gzip"}},
		{"Content-Type": {""}},
		{"Last-Event-Id": {""}},
		{"Sec-Purpose": {"prefetch"}},
		{"Sec-Purpose": {"prefetch;prerender"}},
		{"Purpose": {"prefetch"}},
		{"X-Moz": {"prefetch"}},
	}
}

// twoShops returns a shop with a near cache and one without, which are otherwise the same.
func twoShops(t *testing.T) (kept, plain *shop) {
	t.Helper()
	kept, plain = stocked(t, withNear), stocked(t)
	one := int64(1)
	for _, s := range []*shop{kept, plain} {
		s.rankings.rank = &one
		s.rankings.show(rankings.Page{AsOf: began, Source: rankings.FromBoard, Items: []rankings.Item{{Entry: ranking.Entry{Rank: 1, ProductID: 1, Score: 7}}}})
		s.as("").post("/api/v1/users", kim).must(t, s, 201)
		s.as("admin").post("/admin/v1/products", `{"brandId":1,"name":"Cup","price":500,"stock":0}`).must(t, s, 201)
		s.as("admin").post("/admin/v1/products", `{"brandId":1,"name":"Pot","price":700,"stock":3}`).must(t, s, 201)
		s.as("admin").do("PATCH", "/admin/v1/products/3", `{"status":"HIDDEN"}`).must(t, s, 200)
		long := strings.Repeat("It is as good as any other. ", 40)
		for _, name := range []string{"Jug of glass", "Bowl of wood", "Plate of steel", "Tray of silver", "Cup of clay"} { // until details and lists are compressed
			s.as("admin").post("/admin/v1/products", `{"brandId":1,"name":"`+name+`","price":500,"stock":7,"description":"`+long+`"}`).must(t, s, 201)
		}
	}
	return kept, plain
}

// What is answered from memory is what would have been answered without it: status, headers
// and body, at the first time and when it is kept, and the same views are counted. This
// test says what the near cache may do.
func TestTheNearCacheAnswersAsTheRoutesDo(t *testing.T) {
	t.Parallel()
	kept, plain := twoShops(t)
	tag := plain.as("").get("/api/v1/products/1").must(t, plain, 200).header.Get("Etag")
	kept.as("").get("/api/v1/products/1").must(t, kept, 200)
	requests, headers := 0, oddHeaders(tag, token(t, kept, plain))
	for method, headers := range map[string][]http.Header{"GET": headers, "HEAD": headers, "POST": headers[:3], "OPTIONS": headers[:3]} {
		for _, path := range oddPaths() {
			for _, header := range headers {
				for range 2 {
					if diff := difference(ask(kept, method, path, header), ask(plain, method, path, header)); diff != "" {
						t.Fatalf("%s %q %v: %s", method, path, header, diff)
					}
					requests++
				}
			}
		}
	}
	if x, y := kept.views.all(), plain.views.all(); !slices.Equal(x, y) {
		t.Errorf("%d views, %d without the cache", len(x), len(y))
	}
	hits := kept.count(t, "commerce_near_total", "hit")
	t.Logf("%d requests, %.0f from memory", requests, hits)
	if hits < 1000 {
		t.Errorf("%.0f answers came from memory", hits)
	}
	x, y := kept.observed(t), plain.observed(t)
	maps.DeleteFunc(x, func(of string, n uint64) bool { return y[of] == n })
	if len(x) > 0 {
		t.Errorf("requests by route and status: %v, without the cache %v", x, y)
	}
}

// token returns a token that is good in all shops.
func token(t *testing.T, shops ...*shop) (token string) {
	t.Helper()
	for _, s := range shops {
		token = s.token(t)
	}
	return token
}

// ask sends a request past the client, which would make it more usual.
func ask(s *shop, method, path string, header http.Header) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, requestOf(method, path, header))
	return w
}

func requestOf(method, path string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, "/", http.NoBody)
	r.RequestURI, r.Header = path, header.Clone()
	u, err := url.ParseRequestURI(path)
	if err != nil {
		u = &url.URL{Path: path}
	}
	r.URL = u
	return r
}

// difference says in what two answers differ other than the ids of their traces.
func difference(a, b *httptest.ResponseRecorder) string {
	x, y := a.Body.String(), b.Body.String()
	if a.Code >= 400 {
		x, _, _ = strings.Cut(x, "traceId")
		y, _, _ = strings.Cut(y, "traceId")
	}
	if a.Code != b.Code || x != y && a.Body.Len() > 0 { // a HEAD may write nothing
		return "status " + http.StatusText(a.Code) + "\n" + x + "\nwant " + http.StatusText(b.Code) + "\n" + y
	}
	for _, name := range slices.Sorted(maps.Keys(b.Header())) {
		got, want := a.Header()[name], b.Header()[name]
		if name == "X-Trace-Id" || name == "Traceresponse" {
			got, want = shape(got), shape(want)
		}
		if !slices.Equal(got, want) {
			return name + ": " + strings.Join(got, ", ") + "\nwant " + strings.Join(want, ", ")
		}
	}
	for name := range a.Header() {
		if b.Header()[name] == nil {
			return "an additional header " + name
		}
	}
	return ""
}

// shape returns ids without those that are new in each answer.
func shape(ids []string) (shapes []string) {
	for _, id := range ids {
		kept := strings.Contains(id, "0af7651916cd43dd8448eb211c80319c")
		id, flags := id[:min(len(id), 53)], id[min(len(id), 53):]
		shapes = append(shapes, strings.Repeat("x", len(id))+flags)
		if kept {
			shapes = append(shapes, "of the client")
		}
	}
	return shapes
}
