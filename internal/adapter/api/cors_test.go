package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
)

const storefront = "https://shop.example"

func withOrigins(c *api.Config) { c.Origins = []string{storefront, "http://localhost:5173"} }

// preflight asks as a browser does before it sends a request of a page.
func (s *shop) preflight(method, path, origin, headers string) *httptest.ResponseRecorder {
	return ask(s, "OPTIONS", path, http.Header{
		"Origin": {origin}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {headers},
	})
}

const allowed = "Access-Control-Allow-Origin"

// The rule is of every route and method in the document, and of those to come.
func TestAPageOfAListedOriginMayAskForEveryRoute(t *testing.T) {
	t.Parallel()
	s := stocked(t, withNear, withOrigins)
	for path, methods := range s.operations(t) {
		for method := range methods {
			w := s.preflight(strings.ToUpper(method), filled(path), storefront, "authorization,content-type,idempotency-key,if-match,if-none-match,last-event-id,traceparent")
			h := w.Header()
			if w.Code != 204 || h.Get(allowed) != storefront || h.Get("Access-Control-Allow-Methods") != strings.ToUpper(method) ||
				!strings.Contains(h.Get("Access-Control-Allow-Headers"), "idempotency-key") || h.Get("Access-Control-Max-Age") == "" ||
				!strings.Contains(h.Get("Vary"), "Origin") || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %v", method, path, w.Code, h)
			}
		}
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{{"PUT", "/api/v1/orders", 405}, {"GET", "/api/v1/nothing", 404}, {"GET", "//api/v1/orders", 404}, {"x", "/api/v1/orders", 405}} {
		w := s.preflight(c.method, c.path, storefront, "")
		if w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" || !slices.Contains(w.Header().Values("Vary"), "Origin") {
			t.Errorf("%s %s: %d %v", c.method, c.path, w.Code, w.Header())
		}
	}
}

func TestPagesOfOtherOriginsMayNot(t *testing.T) {
	t.Parallel()
	s := stocked(t, withNear, withOrigins)
	for _, origin := range []string{"https://evil.example", "http://shop.example", "https://shop.example:8443", "https://shop.example.evil.example", "https://xshop.example", "null", "", "*"} {
		for _, w := range []*httptest.ResponseRecorder{
			s.preflight("POST", "/api/v1/orders", origin, "authorization"),
			ask(s, "GET", "/api/v1/products/1", http.Header{"Origin": {origin}}),
			ask(s, "GET", "/api/v1/points", http.Header{"Origin": {origin}, "X-User-Id": {"kim"}}),
		} {
			if h := w.Header(); h.Get(allowed) != "" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
				t.Errorf("%q: %d %v", origin, w.Code, h)
			}
		}
	}
	for _, headers := range []string{"x-user-id", "cookie", "authorization,x-user-id"} {
		if w := s.preflight("GET", "/api/v1/points", storefront, headers); w.Header().Get(allowed) != "" {
			t.Errorf("%s may be sent: %v", headers, w.Header())
		}
	}
	both := ask(s, "GET", "/api/v1/products/1", http.Header{"Origin": {storefront, "https://evil.example"}})
	if both.Header().Get(allowed) != "" {
		t.Errorf("two origins: %v", both.Header())
	}
}

// Whatever the answer is and wherever it comes from, a page can read it, and a cache keeps it for its origin alone.
func TestEveryAnswerToAListedOriginCanBeRead(t *testing.T) {
	t.Parallel()
	s := stocked(t, withNear, withOrigins)
	for name, c := range map[string]struct {
		method, path string
		header       http.Header
		status       int
	}{
		"a product": {"GET", "/api/v1/products/1", nil, 200}, "kept": {"GET", "/api/v1/products/1", nil, 200},
		"not modified": {"GET", "/api/v1/products/1", http.Header{"If-None-Match": {"*"}}, 304},
		"a list":       {"GET", "/api/v1/products", nil, 200}, "rankings": {"GET", "/api/v1/rankings", nil, 200},
		"points": {"GET", "/api/v1/points", http.Header{"X-User-Id": {"kim"}}, 200}, "nobody": {"GET", "/api/v1/points", nil, 401},
		"no route": {"GET", "/nothing", nil, 404}, "no method": {"PUT", "/api/v1/points", nil, 405}, "a stream": {"HEAD", streamPath, nil, 200},
		"a body": {"POST", "/api/v1/users", nil, 400}, "the document": {"GET", "/openapi.json", nil, 200},
	} {
		h := c.header.Clone()
		if h == nil {
			h = http.Header{}
		}
		h.Set("Origin", storefront)
		w := ask(s, c.method, c.path, h)
		got := w.Header()
		vary := strings.Join(got.Values("Vary"), ",")
		if w.Code != c.status || got.Get(allowed) != storefront || !strings.Contains(vary, "Origin") || got.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", name, w.Code, got)
		}
		if got.Get("Cache-Control") == "public, no-cache" && !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%s: Vary is %s", name, vary)
		}
		for _, exposed := range []string{"Location", "Etag", "Retry-After", "Idempotent-Replayed", "X-Trace-Id"} {
			if !strings.Contains(strings.ToLower(got.Get("Access-Control-Expose-Headers")), strings.ToLower(exposed)) {
				t.Errorf("%s: %s is not exposed: %v", name, exposed, got)
			}
		}
	}
}

func TestWithoutOriginsNothingIsSaidOfThem(t *testing.T) {
	t.Parallel()
	s := stocked(t, withNear)
	if w := s.preflight("GET", "/api/v1/points", storefront, ""); w.Code != 405 || w.Header().Get(allowed) != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := ask(s, "GET", "/api/v1/products/1", http.Header{"Origin": {storefront}}); w.Header().Get(allowed) != "" || strings.Contains(w.Header().Get("Vary"), "Origin") {
		t.Errorf("%v", w.Header())
	}
}
