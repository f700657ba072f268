package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// sharedPaths are paths whose answers are the same for all, and long.
func sharedPaths() []string {
	return []string{"/api/v1/products/4", "/api/v1/products", "/openapi.json", "/asyncapi.json"}
}

// Every answer says whether it may be kept: what is personal, and errors, may not be.
func TestEveryAnswerSaysWhetherItMayBeKept(t *testing.T) {
	t.Parallel()
	kept, plain := twoShops(t)
	const everywhere, nowhere = "public, no-cache", "no-store"
	kim := http.Header{"X-User-Id": {"kim"}}
	for _, s := range []*shop{kept, plain} {
		for _, c := range []struct {
			method, path string
			header       http.Header
			want         string
		}{
			{"GET", "/api/v1/products/1", http.Header{}, everywhere},
			{"GET", "/api/v1/products/1", kim, everywhere}, // it is the same for kim
			{"HEAD", "/api/v1/products/1", http.Header{}, everywhere},
			{"GET", "/api/v1/products/1", http.Header{"If-None-Match": {"*"}}, everywhere},
			{"GET", "/api/v1/products", http.Header{}, everywhere},
			{"GET", "/api/v1/brands/1", http.Header{}, everywhere},
			{"GET", "/api/v1/rankings", http.Header{}, everywhere},
			{"GET", "/openapi.json", http.Header{}, everywhere},
			{"GET", "/docs", http.Header{}, everywhere},
			{"GET", "/docs/none", http.Header{}, nowhere},
			{"GET", "/api/v1/products/99", http.Header{}, nowhere},
			{"GET", "/api/v1/products?sort=x", http.Header{}, nowhere},
			{"GET", "/api/v1/products/1", http.Header{"Authorization": {"Bearer x"}}, nowhere},
			{"GET", "/api/v1/none", http.Header{}, nowhere},
			{"DELETE", "/api/v1/products", http.Header{}, nowhere},
			{"GET", "/api/v1/points", kim, nowhere},
			{"GET", "/api/v1/users/me", kim, nowhere},
			{"GET", "/api/v1/orders", kim, nowhere},
			{"POST", "/api/v1/products/1/likes", kim, nowhere},
			{"GET", "/admin/v1/events", http.Header{"X-User-Id": {"admin"}}, nowhere},
		} {
			a := ask(s, c.method, c.path, c.header)
			if got := a.Header()["Cache-Control"]; len(got) != 1 || got[0] != c.want {
				t.Errorf("%s %s %v: Cache-Control %q, want %q (%d)", c.method, c.path, c.header, got, c.want, a.Code)
			}
			if varies := a.Header().Get("Vary") == "Accept-Encoding"; varies != (c.want == everywhere) && !strings.HasPrefix(c.path, "/docs") {
				t.Errorf("%s %s %v: Vary %q", c.method, c.path, c.header, a.Header().Get("Vary"))
			}
		}
	}
}

// A shared answer is the same in each coding, has the same ETag, and HEAD and 304 have the
// same headers as GET.
func TestSharedAnswersAreCompressedAsAsked(t *testing.T) {
	t.Parallel()
	kept, plain := twoShops(t)
	for _, s := range []*shop{kept, plain} {
		for _, path := range sharedPaths() {
			whole := ask(s, http.MethodGet, path, http.Header{})
			if whole.Body.Len() < 1024 || whole.Header().Get("Content-Encoding") != "" {
				t.Errorf("%s: %d bytes, %v", path, whole.Body.Len(), whole.Header())
			}
			for _, coding := range []string{"zstd", "br", "gzip"} {
				asked := http.Header{"Accept-Encoding": {coding}}
				a := ask(s, http.MethodGet, path, asked)
				if a.Header().Get("Content-Encoding") != coding || a.Body.Len() > whole.Body.Len()/2 {
					t.Errorf("%s: %s has %d of %d bytes", path, coding, a.Body.Len(), whole.Body.Len())
				}
				if got := apiclient.Unpack(t, coding, a.Body.Bytes()); !bytes.Equal(got, whole.Body.Bytes()) {
					t.Errorf("%s in %s is\n%s\nwant\n%s", path, coding, got, whole.Body)
				}
				head := ask(s, http.MethodHead, path, asked)
				for _, name := range []string{"Etag", "Content-Length", "Content-Encoding", "Vary", "Cache-Control"} {
					if x, y := head.Header().Get(name), a.Header().Get(name); x != y {
						t.Errorf("HEAD %s in %s: %s %q, want %q", path, coding, name, x, y)
					}
				}
				asked.Set("If-None-Match", a.Header().Get("Etag"))
				same := ask(s, http.MethodGet, path, asked)
				if same.Code != http.StatusNotModified || same.Body.Len() > 0 || same.Header().Get("Content-Encoding") != "" ||
					same.Header().Get("Etag") != whole.Header().Get("Etag") || !strings.HasPrefix(same.Header().Get("Etag"), "W/") {
					t.Errorf("%s in %s again: %d %v", path, coding, same.Code, same.Header())
				}
			}
		}
	}
}

// What is personal is never compressed: the length of what is compressed tells about it.
func TestPersonalAnswersAreNotCompressed(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for range 20 {
		s.as("kim").post("/api/v1/points/charge", `{"amount":1000}`).must(t, s, 200)
	}
	a := ask(s, http.MethodGet, "/api/v1/points/history?size=100", http.Header{"X-User-Id": {"kim"}, "Accept-Encoding": {"gzip, br, zstd"}})
	if a.Code != http.StatusOK || a.Body.Len() < 1024 || a.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d, %d bytes, %v", a.Code, a.Body.Len(), a.Header())
	}
}
