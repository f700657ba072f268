package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// catalogue are the routes whose answers are the same for all. An answer on any other route is for who asked.
func catalogue(path string) bool {
	return slices.Contains([]string{"/api/v1/products", "/api/v1/products/{id}", "/api/v1/brands/{id}", "/api/v1/rankings"}, path)
}

// The rule is of every route and every answer, and of those to come: what is the same for all may be kept and must be asked for
// again each time; everything else, and every problem, is not kept by anybody.
func TestEveryRouteSaysWhoMayKeepItsAnswers(t *testing.T) {
	t.Parallel()
	kept, plain := twoShops(t)
	statuses := map[int]int{}
	check := func(s *shop, method, path string, shared bool, h http.Header) {
		w := ask(s, method, path, h)
		statuses[w.Code]++
		policy, vary := w.Header().Values("Cache-Control"), w.Header().Values("Vary")
		if shared && (w.Code == 200 || w.Code == 304) {
			if !slices.Equal(policy, []string{"public, no-cache"}) || !slices.Contains(vary, "Accept-Encoding") {
				t.Errorf("%s %s %v: %d, Cache-Control %q, Vary %q", method, path, h, w.Code, policy, vary)
			}
		} else if !slices.Equal(policy, []string{"no-store"}) {
			t.Errorf("%s %s %v: %d, Cache-Control %q", method, path, h, w.Code, policy)
		}
	}
	for _, s := range []*shop{kept, plain} {
		for path, methods := range s.operations(t) {
			if path == streamPath {
				continue // an answer without end; see the tests of the stream
			}
			for method := range methods {
				for _, h := range []http.Header{{}, {"X-User-Id": {"kim"}}, {"X-User-Id": {"admin"}}, {"Authorization": {"Bearer x"}}, {"If-None-Match": {"*"}}} {
					shared := method == "get" && catalogue(path)
					check(s, strings.ToUpper(method), filled(path), shared, h)
					check(s, strings.ToUpper(method), filled(path)+"?size=", shared, h)
					check(s, "PUT", filled(path), false, h)
				}
			}
		}
		check(s, "HEAD", streamPath, false, http.Header{})
		check(s, "GET", streamPath, false, http.Header{"Last-Event-Id": {""}})
		check(s, "GET", "/openapi.json", true, http.Header{})
		check(s, "GET", "/nothing", false, http.Header{})
		check(s, "GET", "//api", false, http.Header{})
		if w := ask(s, "GET", "/docs/", http.Header{}); w.Code != 200 || w.Header().Get("Cache-Control") != "public, no-cache" {
			t.Errorf("/docs: %d %v", w.Code, w.Header())
		}
	}
	for _, status := range []int{200, 304, 400, 401, 403, 404, 405, 503} {
		if statuses[status] == 0 {
			t.Errorf("no answer had the status %d: %v", status, statuses)
		}
	}
}
