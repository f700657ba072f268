package checkout_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/settle"
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

// Customers and operators do random things. Every error is a fault of the shop, and the
// audit finds no difference afterwards.
func TestTheBooksAgreeAfterAnyStory(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		payments := settle.New(settle.Config{
			DB: s.DB, Compensator: checkout.NewCompensator(s.IDs), Policy: payment.DefaultPolicy(), Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		s.Checkout = checkout.New(s.DB, s.IDs, time.Now, payment.DefaultPolicy(), checkout.WithCharger(&charger{}), checkout.WithPayments(payments))
		w := &story{
			Shop: s, card: card(s.T), customers: []id.ID{s.Customer(s.T, 500), s.Customer(s.T, 0)},
			products: []int64{s.Product(s.T, 7, 20), s.Product(s.T, 100, 3), s.Product(s.T, 1, 0)},
			coupons: []id.ID{
				s.Coupon(s.T, coupons.Draft{Value: 30}), s.Coupon(s.T, coupons.Draft{Type: coupon.Percent, Value: 33, Quantity: 1}),
				s.Coupon(s.T, coupons.Draft{Value: 5, MinOrderAmount: 100}),
			},
		}
		rapid.Check(s.T, func(r *rapid.T) {
			for range rapid.IntRange(1, 10).Draw(r, "steps") { // the same shop for all runs
				rapid.SampledFrom([]func(*rapid.T){w.buy, w.cancel, w.charge, w.adjust, w.issue}).Draw(r, "step")(r)
			}
		})
		if len(w.orders) == 0 || !slices.ContainsFunc(w.orders, func(o order.Order) bool { return o.Discount > 0 }) {
			s.T.Error("no order with a coupon was placed: the test proves nothing")
		}
		s.Audit(s.T)
	})
}

type story struct {
	*shoptest.Shop

	card      *payment.CardDetails
	customers []id.ID
	products  []int64
	coupons   []id.ID
	orders    []order.Order
}

func (s *story) buy(r *rapid.T) {
	request := checkout.Request{UserID: rapid.SampledFrom(s.customers).Draw(r, "customer")}
	for range rapid.IntRange(1, 4).Draw(r, "lines") {
		request.Lines = append(request.Lines,
			want(rapid.SampledFrom(s.products).Draw(r, "product"), rapid.Int64Range(1, 5).Draw(r, "quantity")))
	}
	if rapid.Bool().Draw(r, "with a coupon") {
		request.CouponID = new(rapid.SampledFrom(s.coupons).Draw(r, "coupon"))
	}
	if rapid.Bool().Draw(r, "with a card") {
		request.Card = s.card
		request.Points = new(money.Won(rapid.Int64Range(0, 40).Draw(r, "points")))
	}
	o, err := s.Checkout.Place(s.T.Context(), request, store.Unguarded{})
	known(r, err)
	if err == nil {
		s.orders = append(s.orders, o)
	}
}

func (s *story) cancel(r *rapid.T) {
	if len(s.orders) == 0 {
		return // there is no order yet
	}
	o := rapid.SampledFrom(s.orders).Draw(r, "order")
	_, err := s.Checkout.Cancel(s.T.Context(), rapid.SampledFrom(s.customers).Draw(r, "customer"), o.ID, "", store.Unguarded{})
	known(r, err)
}

func (s *story) charge(r *rapid.T) {
	_, err := s.Wallet.Charge(s.T.Context(), rapid.SampledFrom(s.customers).Draw(r, "customer"),
		money.Won(rapid.Int64Range(0, 300).Draw(r, "amount")), store.Unguarded{})
	known(r, err)
}

func (s *story) issue(r *rapid.T) {
	_, err := s.Coupons.Issue(s.T.Context(), rapid.SampledFrom(s.customers).Draw(r, "customer"),
		rapid.SampledFrom(s.coupons).Draw(r, "coupon"), store.Unguarded{})
	known(r, err)
}

func (s *story) adjust(r *rapid.T) {
	_, err := s.Catalog.AdjustStock(s.T.Context(), rapid.SampledFrom(s.products).Draw(r, "product"),
		product.Adjustment{Delta: rapid.Int64Range(-5, 9).Draw(r, "delta"), Note: "count"}, store.Unguarded{})
	known(r, err)
}

func known(r *rapid.T, err error) {
	if _, ok := errors.AsType[*fault.Error](err); err != nil && !ok {
		r.Fatalf("not a fault of the shop: %v", err)
	}
}
