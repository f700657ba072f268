package checkout_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/shoptest"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Whatever customers and clerks do, in whatever order, a shop refuses in words
// that it knows, and its books agree afterwards.
func TestTheBooksAgreeAfterAnyStory(t *testing.T) {
	t.Parallel()
	shoptest.Each(t, func(s *shoptest.Shop) {
		w := &world{
			Shop: s, customers: []id.ID{s.Customer(s.T, 500), s.Customer(s.T, 0)},
			products: []int64{s.Product(s.T, 7, 20), s.Product(s.T, 100, 3), s.Product(s.T, 1, 0)},
		}
		rapid.Check(s.T, func(r *rapid.T) {
			for range rapid.IntRange(1, 10).Draw(r, "steps") { // the shop goes on from check to check
				rapid.SampledFrom([]func(*rapid.T){w.buy, w.cancel, w.charge, w.adjust}).Draw(r, "step")(r)
			}
		})
		if len(w.orders) == 0 {
			s.T.Error("nothing was ever bought: this story says nothing")
		}
		s.Audit(s.T)
	})
}

type world struct {
	*shoptest.Shop

	customers []id.ID
	products  []int64
	orders    []order.Order
}

func (w *world) buy(r *rapid.T) {
	request := checkout.Request{UserID: rapid.SampledFrom(w.customers).Draw(r, "customer")}
	for range rapid.IntRange(1, 4).Draw(r, "lines") {
		request.Lines = append(request.Lines,
			want(rapid.SampledFrom(w.products).Draw(r, "product"), rapid.Int64Range(1, 5).Draw(r, "quantity")))
	}
	o, err := w.Checkout.Place(w.T.Context(), request, store.Unguarded{})
	known(r, err)
	if err == nil {
		w.orders = append(w.orders, o)
	}
}

func (w *world) cancel(r *rapid.T) {
	if len(w.orders) == 0 {
		return // nothing was bought yet
	}
	o := rapid.SampledFrom(w.orders).Draw(r, "order")
	_, err := w.Checkout.Cancel(w.T.Context(), rapid.SampledFrom(w.customers).Draw(r, "customer"), o.ID, "", store.Unguarded{})
	known(r, err)
}

func (w *world) charge(r *rapid.T) {
	_, err := w.Wallet.Charge(w.T.Context(), rapid.SampledFrom(w.customers).Draw(r, "customer"),
		money.Won(rapid.Int64Range(0, 300).Draw(r, "amount")), store.Unguarded{})
	known(r, err)
}

func (w *world) adjust(r *rapid.T) {
	_, err := w.Catalog.AdjustStock(w.T.Context(), rapid.SampledFrom(w.products).Draw(r, "product"),
		product.Adjustment{Delta: rapid.Int64Range(-5, 9).Draw(r, "delta"), Note: "count"}, store.Unguarded{})
	known(r, err)
}

func known(r *rapid.T, err error) {
	if _, ok := errors.AsType[*fault.Error](err); err != nil && !ok {
		r.Fatalf("not one of the shop's own words: %v", err)
	}
}
