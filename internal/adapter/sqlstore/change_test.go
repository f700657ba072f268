package sqlstore_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// Each commit reports the products that it has written, before Update returns, and nothing
// that was rolled back.
func TestACommitReportsWhatItHasChanged(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, sqlstore.Options{})
			var got []store.Change
			db.OnCommit(func(all []store.Change) { got = append(got, all...) })
			p := added(t, db)
			stock := func(delta, left int64, reason product.Reason) func(store.Tx) {
				return func(tx store.Tx) {
					tx.Stocks.Save(product.StockOf(p.ID, left), product.Movement{ProductID: p.ID, Delta: delta, Quantity: left, Reason: reason})
				}
			}
			fact, number := store.Change{ProductID: p.ID, Facts: true, Stock: true}, store.Change{ProductID: p.ID, Stock: true}
			for name, c := range map[string]struct {
				write func(store.Tx)
				want  []store.Change
			}{
				"an edit":                      {func(tx store.Tx) { tx.Products.Save(p) }, []store.Change{{ProductID: p.ID, Facts: true}}},
				"stock by hand":                {stock(1, 8, product.Adjusted), []store.Change{fact}},
				"an order that leaves some":    {stock(-1, 7, product.Ordered), []store.Change{number}},
				"an order that takes all":      {stock(-7, 0, product.Ordered), []store.Change{fact}},
				"a release after it":           {stock(7, 7, product.Cancelled), []store.Change{fact}},
				"a release while some is left": {stock(1, 8, product.Cancelled), []store.Change{number}},
				"something else":               {func(tx store.Tx) { tx.Outbox.Append(time.Now(), p.Changed()) }, nil},
			} {
				got = nil
				failed := errors.New("rolled back")
				if err := db.Update(t.Context(), func(tx store.Tx) error { c.write(tx); return failed }); !errors.Is(err, failed) || got != nil {
					t.Errorf("%s that was rolled back: %v, %v", name, got, err)
				}
				if err := db.Update(t.Context(), func(tx store.Tx) error { c.write(tx); return nil }); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s:\n%s", name, diff)
				}
			}
		})
	}
}

func added(t *testing.T, db *sqlstore.DB) (p product.Product) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		b, err := tx.Brands.Add(t.Context(), product.Brand{Name: "Loopers"})
		if err != nil {
			return err
		}
		p, err = tx.Products.Add(t.Context(), product.Product{BrandID: b.ID, Name: "Mug", Price: 1, Status: product.OnSale})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPostgresAnnouncesProductsToOtherProcessesOfTheSchema(t *testing.T) {
	t.Parallel()
	address := namedSchema(t)
	listener, speaker := openPostgres(t, address), openPostgres(t, address)
	heard := make(chan []int64, 100)
	listener.OnHeard(func(ids []int64) { heard <- ids })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- listener.Listen(ctx) }()
	if !noticed(t, listener, 10*time.Second) {
		t.Fatal("no signal after the start")
	}
	var all []int64
	for pid := range int64(1000) { // more than one notification can have
		all = append(all, pid+1)
	}
	if err := listener.AnnounceProducts(t.Context(), []int64{7}); err != nil { // which it does not hear itself
		t.Fatal(err)
	}
	if err := speaker.AnnounceProducts(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	var got []int64
	for len(got) < len(all) {
		select {
		case ids := <-heard:
			got = append(got, ids...)
		case <-time.After(10 * time.Second):
			t.Fatalf("%d products were heard", len(got))
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("%d products were heard, others than those announced", len(got))
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
