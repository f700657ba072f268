package api_test

import (
	"net/http"
	"testing"
)

// nowhere is a ResponseWriter without a connection.
type nowhere struct{ header http.Header }

// Header implements http.ResponseWriter.
func (n *nowhere) Header() http.Header { return n.header }

// Write implements http.ResponseWriter.
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (n *nowhere) WriteHeader(int) {}

// BenchmarkNear is what a hit costs in the handler, beside the same answer in the normal way.
func BenchmarkNear(b *testing.B) {
	kept, plain := stocked(b, withNear, uncounted), stocked(b, uncounted)
	tag := ask(plain, http.MethodGet, "/api/v1/products/1", http.Header{}).Header().Get("Etag")
	for name, q := range map[string]struct {
		path   string
		header http.Header
	}{
		"detail":     {"/api/v1/products/1", http.Header{}},
		"detail 304": {"/api/v1/products/1", http.Header{"If-None-Match": {tag}}},
		"list":       {"/api/v1/products?sort=latest&brandId=1", http.Header{}},
		"brand":      {"/api/v1/brands/1", http.Header{}},
	} {
		for way, s := range map[string]*shop{"near": kept, "normal": plain} {
			b.Run(name+"/"+way, func(b *testing.B) {
				r := requestOf(http.MethodGet, q.path, q.header)
				b.ReportAllocs()
				for b.Loop() {
					s.handler.ServeHTTP(&nowhere{http.Header{}}, r)
				}
			})
		}
	}
}
