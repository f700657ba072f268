package checkout_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// world is a small shop in which orders meet: few products with little stock, few points,
// coupons, and keys that are used again.
type world struct {
	*shoptest.Shop

	service   *checkout.Service
	charger   *charger
	offers    []id.ID
	customers []id.ID
	products  []int64
	coupons   []id.ID
	serial    int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
	w := &world{Shop: s, charger: &charger{}}
	w.service = checkout.New(s.DB, s.IDs, today, payment.DefaultPolicy(), checkout.WithCharger(w.charger))
	w.offers = []id.ID{
		s.Coupon(t, coupons.Draft{Value: 30, Quantity: 10_000}),
		s.Coupon(t, coupons.Draft{Type: coupon.Percent, Value: 50, MinOrderAmount: 100, Quantity: 10_000}),
	}
	return w
}

// today is the same time on both sides.
func today() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// renew has new customers, products and coupons, and forgets what happened before.
func (w *world) renew() {
	w.T.Helper()
	published := w.Outbox(w.T)
	w.charger.calls, w.products, w.customers = nil, nil, []id.ID{w.IDs(), w.IDs()}
	w.coupons = []id.ID{w.offers[0], w.offers[1], w.IDs()}
	err := w.DB.Update(w.T.Context(), func(tx store.Tx) error {
		for _, r := range published {
			tx.Outbox.DeletePublished([]int64{r.Seq})
		}
		for i, points := range []money.Won{900, 250} {
			w.enroll(tx, w.customers[i], points)
		}
		for i, price := range []money.Won{7, 100, 30, 5} {
			if err := w.addProduct(tx, price, []int64{20, 5, 1, 9}[i], i == 3); err != nil {
				return err
			}
		}
		for i, offer := range []id.ID{w.offers[0], w.offers[0], w.offers[1]} {
			if err := w.issue(tx, w.customers[i%2], offer); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.T.Fatal(err)
	}
	w.products = append(w.products, 999_999)
}

func (w *world) enroll(tx store.Tx, uid id.ID, points money.Won) {
	w.serial++
	tx.Users.Add(user.New(user.Application{
		LoginID: fmt.Sprint("buyer", w.serial), Email: fmt.Sprint("buyer", w.serial, "@example.com"), BirthDate: "2000-01-01", Gender: user.Male,
	}, uid, "", today()))
	tx.Points.Open(uid)
	tx.Points.Save(point.WalletOf(uid, points), point.Entry{ID: w.IDs(), UserID: uid, Type: point.Charge, Amount: points, Balance: points})
}

func (w *world) addProduct(tx store.Tx, price money.Won, stock int64, hidden bool) error {
	p := product.Product{BrandID: 1, Name: fmt.Sprint("Thing for ", price), Price: price, Status: product.OnSale}
	if hidden {
		p.Status = product.Hidden
	}
	p, err := tx.Products.Add(w.T.Context(), p)
	w.products = append(w.products, p.ID)
	tx.Stocks.Save(product.StockOf(p.ID, stock), product.Movement{ProductID: p.ID, Delta: stock, Quantity: stock, Reason: product.Initial})
	return err
}

func (w *world) issue(tx store.Tx, customer, offer id.ID) error {
	c, err := tx.Coupons.Lock(w.T.Context(), offer)
	if err != nil {
		return err
	}
	c, owned, err := c.Issue(w.IDs(), customer, today())
	tx.Coupons.Save(c)
	tx.Owned.Add(owned)
	w.coupons = append(w.coupons, owned.ID)
	return err
}

// wish is an order that does not know the ids of its world.
type wish struct {
	customer, key, fingerprint int
	lines                      [][2]int64
	coupon                     int // -1: none
	points                     int64
	card, allPoints            bool
}

func someWish(r *rapid.T) wish {
	w := wish{
		customer: rapid.SampledFrom([]int{0, 0, 1}).Draw(r, "customer"), key: rapid.IntRange(0, 9).Draw(r, "key"),
		fingerprint: rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(r, "fingerprint"), coupon: rapid.IntRange(-4, 4).Draw(r, "coupon"),
		points: rapid.Int64Range(0, 60).Draw(r, "points"), card: rapid.Bool().Draw(r, "card"), allPoints: rapid.Bool().Draw(r, "all points"),
	}
	for range rapid.IntRange(1, 3).Draw(r, "lines") {
		line := [2]int64{rapid.SampledFrom([]int64{0, 0, 1, 1, 2, 2, 3, 4}).Draw(r, "product"), rapid.Int64Range(1, 3).Draw(r, "quantity")}
		w.lines = append(w.lines, line)
	}
	return w
}

func (w *world) request(wish wish) (checkout.Request, store.Guard) {
	r := checkout.Request{UserID: w.customers[wish.customer]}
	for _, l := range wish.lines {
		r.Lines = append(r.Lines, want(w.products[l[0]], l[1]))
	}
	if wish.coupon >= 0 {
		r.CouponID = &w.coupons[wish.coupon]
	}
	if wish.card {
		r.Card = card(w.T)
	}
	if !wish.allPoints {
		r.Points = new(money.Won(wish.points))
	}
	if wish.key > 6 {
		return r, store.Unguarded{}
	}
	return r, store.Keyed[order.Order]{
		Key: store.Key{UserID: r.UserID, Route: "orders", Key: fmt.Sprint("k", wish.key)}, Fingerprint: []byte{byte(wish.fingerprint)},
		ToAnswer: func(o order.Order) (store.Answer, error) {
			return store.Answer{Status: 201, Body: []byte(o.ID.String())}, nil
		},
		ToRefusal: func(err error) (store.Answer, bool) {
			return store.Answer{Status: 409, Body: []byte(err.Error())}, wish.key%2 == 0
		},
	}
}

// answer is an outcome as text.
func answer(p checkout.Placement) string {
	if repeated, ok := errors.AsType[*store.RepeatedError](p.Err); ok {
		return fmt.Sprintf("repeated: %d %s", repeated.Kept.Status, repeated.Kept.Body)
	}
	if p.Err != nil {
		return p.Err.Error()
	}
	o := p.Order
	if o.Payment != nil {
		return fmt.Sprintf("%s %+v %d %d %d %d %s %v", o.Status(), o.Lines, o.Amount, o.Discount, o.Points, o.Card, o.Payment.Card.Last4, o.Coupon)
	}
	return fmt.Sprintf("%s %+v %d %d %d %d %v", o.Status(), o.Lines, o.Amount, o.Discount, o.Points, o.Card, o.Coupon)
}

var anID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// tables returns everything that orders write, with ids replaced by numbers in order of
// appearance: ids differ from world to world.
func (w *world) tables(placed []checkout.Placement) string {
	w.T.Helper()
	var text strings.Builder
	say := func(what string, v any) {
		made, err := json.Marshal(v)
		if err != nil {
			w.T.Fatal(err)
		}
		fmt.Fprintf(&text, "%s: %s\n", what, made)
	}
	say("customers", w.customers)
	say("coupons", w.coupons)
	for _, p := range placed {
		if p.Err == nil {
			o, err := w.service.Get(w.T.Context(), p.Order.UserID, p.Order.ID)
			say("order", []any{o, o.History(), err})
		}
	}
	for _, pid := range w.products[:4] {
		say("stock", w.Stock(w.T, pid))
	}
	err := w.DB.View(w.T.Context(), func(tx store.Tx) error {
		for _, c := range w.customers {
			entries, err := tx.Points.History(w.T.Context(), c, id.ID{}, 1000)
			for i := range entries {
				entries[i].ID, entries[i].At = id.ID{}, time.Time{}
			}
			owned, err2 := tx.Owned.Of(w.T.Context(), c, id.ID{}, 1000)
			for i := range owned {
				owned[i].Coupon = coupon.Coupon{ID: owned[i].Coupon.ID}
			}
			say("entries", []any{entries, owned, err, err2})
		}
		return nil
	})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, r := range w.Outbox(w.T) {
		if r.Envelope.Topic == "order-events" || r.Envelope.Type == "stock.depleted" {
			say("event", []string{r.Envelope.Type, r.Envelope.Key, string(r.Envelope.Data), fmt.Sprint(r.Envelope.Sequence)})
		}
	}
	say("slots", slices.Sorted(slices.Values(w.charger.calls))) // a group reserves all before it uses one
	ids := map[string]string{}
	return anID.ReplaceAllStringFunc(text.String(), func(found string) string {
		ids[found] = cmp.Or(ids[found], fmt.Sprint("#", len(ids)+1))
		return ids[found]
	})
}
