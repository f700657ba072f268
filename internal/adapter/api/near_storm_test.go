package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/store"
)

// gatedDB is a database whose reads wait at a gate, if there is one.
type gatedDB struct {
	store.DB

	reads atomic.Int64
	gate  atomic.Pointer[chan struct{}]
}

// View implements store.DB.
func (g *gatedDB) View(ctx context.Context, do func(store.Tx) error) error {
	g.wait()
	return g.DB.View(ctx, do)
}

// Snapshot implements store.DB.
func (g *gatedDB) Snapshot(ctx context.Context, do func(store.Tx) error) error {
	g.wait()
	return g.DB.Snapshot(ctx, do)
}

func (g *gatedDB) wait() {
	g.reads.Add(1)
	if gate := g.gate.Load(); gate != nil {
		<-*gate
	}
}

// A thousand customers ask for the same thing, of which nothing is known. The database
// answers when all of them wait: once.
func TestAThousandRequestsForOneKeyAreOneReadOfTheDatabase(t *testing.T) {
	t.Parallel()
	for kind, path := range map[string]string{"products": "/api/v1/products/1", "pages": "/api/v1/products?sort=price_asc"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := &gatedDB{}
			s := stocked(t, withNear, func(c *api.Config) {
				db.DB = c.DB
				c.Catalog = catalog.New(db, c.Clock)
			})
			gate := make(chan struct{})
			db.gate.Store(&gate)
			before := db.reads.Load()
			const customers = 1000
			var all sync.WaitGroup
			answers := make([]*httptest.ResponseRecorder, customers)
			for i := range answers {
				all.Go(func() { answers[i] = ask(s, http.MethodGet, path, http.Header{}) })
			}
			for s.nearCount(t, kind, "miss") < customers {
				time.Sleep(time.Millisecond)
			}
			close(gate)
			all.Wait()
			if n := db.reads.Load() - before; n != 1 {
				t.Errorf("%d reads of the database", n)
			}
			for _, a := range answers {
				if a.Code != http.StatusOK || a.Body.String() != answers[0].Body.String() {
					t.Fatalf("%d %s", a.Code, a.Body)
				}
			}
			if n := len(s.views.all()); kind == "products" && n != customers {
				t.Errorf("%d views", n)
			}
		})
	}
}

// nearCount returns a counter of the near cache.
func (s *shop) nearCount(t *testing.T, kind, result string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if l := m.GetLabel(); f.GetName() == "commerce_near_total" && l[0].GetValue() == kind && l[1].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
