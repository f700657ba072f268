package checkout_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// Whatever customers and clerks do, in whatever order, a shop refuses in words
// that it knows, and its books agree afterwards.
func TestTheBooksAgreeAfterAnyStory(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		w := &world{
			Shop: s, customers: []id.ID{s.Customer(s.T, 500), s.Customer(s.T, 0)},
			products: []int64{s.Product(s.T, 7, 20), s.Product(s.T, 100, 3), s.Product(s.T, 1, 0)},
			coupons: []id.ID{
				s.Coupon(s.T, coupons.Draft{Value: 30}), s.Coupon(s.T, coupons.Draft{Type: coupon.Percent, Value: 33, Quantity: 1}),
				s.Coupon(s.T, coupons.Draft{Value: 5, MinOrderAmount: 100}),
			},
		}
		rapid.Check(s.T, func(r *rapid.T) {
			for range rapid.IntRange(1, 10).Draw(r, "steps") { // the shop goes on from check to check
				rapid.SampledFrom([]func(*rapid.T){w.buy, w.cancel, w.charge, w.adjust, w.issue}).Draw(r, "step")(r)
			}
		})
		if len(w.orders) == 0 || !slices.ContainsFunc(w.orders, func(o order.Order) bool { return o.Discount > 0 }) {
			s.T.Error("nothing was ever bought, or nothing with a coupon: this story says nothing")
		}
		s.Audit(s.T)
	})
}

type world struct {
	*shoptest.Shop

	customers []id.ID
	products  []int64
	coupons   []id.ID
	orders    []order.Order
}

func (w *world) buy(r *rapid.T) {
	request := checkout.Request{UserID: rapid.SampledFrom(w.customers).Draw(r, "customer")}
	for range rapid.IntRange(1, 4).Draw(r, "lines") {
		request.Lines = append(request.Lines,
			want(rapid.SampledFrom(w.products).Draw(r, "product"), rapid.Int64Range(1, 5).Draw(r, "quantity")))
	}
	if rapid.Bool().Draw(r, "with a coupon") {
		request.CouponID = new(rapid.SampledFrom(w.coupons).Draw(r, "coupon"))
	}
	if rapid.Bool().Draw(r, "with a card") {
		request.Card = &payment.Card{Type: "KB", Last4: "1451"}
		request.Points = new(money.Won(rapid.Int64Range(0, 40).Draw(r, "points")))
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

func (w *world) issue(r *rapid.T) {
	_, err := w.Coupons.Issue(w.T.Context(), rapid.SampledFrom(w.customers).Draw(r, "customer"),
		rapid.SampledFrom(w.coupons).Draw(r, "coupon"), store.Unguarded{})
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
