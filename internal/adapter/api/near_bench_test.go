package api_test

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
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
	kept, plain := smallShop(b, 8<<20), smallShop(b, 0)
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

// smallShop is a shop with a product, without users and orders.
func smallShop(b *testing.B, nearBytes uint64, change ...func(*api.Config)) *shop {
	b.Helper()
	db, metrics := storetest.SQLite(b, sqlstore.Options{}), prometheus.NewRegistry()
	c := api.Config{
		Catalog: catalog.New(db, time.Now), Rankings: newFakeRankings(), Views: discarded{}, DB: db, NearBytes: nearBytes,
		Clock: time.Now, Random: func() float64 { return 0.5 }, IDs: id.NewSource(time.Now, rand.Reader),
		Registerer: metrics, Log: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	_, err := c.Catalog.CreateBrand(b.Context(), product.Brand{Name: "Loopers"})
	if err == nil {
		_, err = c.Catalog.CreateProduct(b.Context(), catalog.Draft{BrandID: 1, Name: "Mug", Price: 1, Stock: 1}, store.Unguarded{})
	}
	if err != nil {
		b.Fatal(err)
	}
	h, err := api.New(c)
	if err != nil {
		b.Fatal(err)
	}
	return &shop{handler: h, metrics: metrics}
}

// discarded are views that nobody counts.
type discarded struct{}

// Viewed implements api.Views.
func (discarded) Viewed(int64, *id.ID) {}
