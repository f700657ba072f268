package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

func groupTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a group finds what its orders need, each once":                      groupFinds,
		"a group does not find what is not there":                            groupMisses,
		"a group claims keys until it ends, and reads answers that are kept": groupClaims,
		"a group writes many rows at once":                                   groupWrites,
		"a group without rows writes nothing":                                groupWritesNothing,
		"a group that saves what is not there writes nothing":                groupRefused,
		"events of a group are in order, each in its trace":                  groupEvents,
		"the second answer of a group runs it again":                         groupSecondAnswer,
	}
}

// group returns what a group of needs finds.
func (s *shop) group(n store.GroupNeeds) store.GroupState {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (store.GroupState, error) { return tx.Group.Lock(ctx, n) })
}

func groupFinds(s *shop) {
	kim, lee, b := s.user(), s.user(), s.brand()
	s.charge(kim.ID, 500)
	p, q := s.product(b.ID, 1), s.product(b.ID, 2)
	owned := s.own(s.offer(5).ID, kim.ID)
	byID, byOffer := store.NamedCoupon{User: kim.ID, Named: owned.ID}, store.NamedCoupon{User: kim.ID, Named: owned.Coupon.ID}
	rows := store.GroupRows{
		Wallets: []id.ID{lee.ID, kim.ID, lee.ID}, Coupons: []store.NamedCoupon{byID, byOffer, byID}, Products: []int64{q.ID, p.ID, q.ID},
	}
	for _, wait := range []store.GroupRows{{}, rows} {
		got := s.group(store.GroupNeeds{GroupRows: rows, Wait: wait})
		listing := func(p product.Product, stock int64) product.Listing {
			return product.Listing{Product: product.Product{ID: p.ID, Name: p.Name, Price: p.Price, Status: p.Status}, Stock: stock}
		}
		s.equal(map[int64]product.Listing{p.ID: listing(p, 1), q.ID: listing(q, 2)}, got.Products)
		s.equal(map[int64]product.Stock{p.ID: product.StockOf(p.ID, 1), q.ID: product.StockOf(q.ID, 2)}, got.Stocks)
		s.equal(map[id.ID]point.Wallet{kim.ID: point.WalletOf(kim.ID, 500), lee.ID: point.WalletOf(lee.ID, 0)}, got.Wallets)
		c := store.GroupCoupon{IssuedCoupon: s.lockOwned(kim.ID, owned.ID), Locked: true}
		s.equal(map[store.NamedCoupon]store.GroupCoupon{byID: c, byOffer: c}, got.Coupons)
	}
}

func groupMisses(s *shop) {
	kim, lee := s.user(), s.user()
	owned := s.own(s.offer(5).ID, kim.ID)
	nothing := store.GroupRows{Wallets: []id.ID{s.ids()}, Coupons: []store.NamedCoupon{{User: lee.ID, Named: owned.ID}}, Products: []int64{99}}
	for _, wait := range []store.GroupRows{{}, nothing} {
		got := s.group(store.GroupNeeds{GroupRows: nothing, Wait: wait})
		if n := len(got.Products) + len(got.Stocks) + len(got.Wallets) + len(got.Coupons); n > 0 {
			s.Errorf("found: %+v", got)
		}
	}
}

func groupClaims(s *shop) {
	u := s.user()
	key := func(k string) store.Key { return store.Key{UserID: u.ID, Route: "POST /orders", Key: k} }
	kept := store.Answer{Fingerprint: []byte{1, 0, 2}, Status: 201, Location: "/orders/1", Body: []byte(`{"a":1}`), At: noon()}
	s.keep(key("old"), kept)
	for range 2 { // a claim dies with its transaction
		got := s.group(store.GroupNeeds{Keys: []store.Key{key("new"), key("old"), key("new")}})
		if c := got.Claims[key("new")]; !c.Mine || c.Kept != nil || len(got.Claims) != 2 {
			s.Errorf("claims: %+v", got.Claims)
		}
		s.equal(&kept, got.Claims[key("old")].Kept)
	}
}

func groupWrites(s *shop) {
	kim, lee, b := s.user(), s.user(), s.brand()
	p, q := s.product(b.ID, 5), s.product(b.ID, 6)
	one, two := s.cardOrder(kim.ID, p, q), s.order(lee.ID, q)
	owned := s.own(s.offer(5).ID, kim.ID)
	used, err := owned.Use(one.ID, noon())
	if err != nil {
		s.Fatal(err)
	}
	one = one.WithCoupon(order.Coupon{ID: owned.ID, CouponID: owned.Coupon.ID, Name: "Ten won off"})
	key := store.Key{UserID: kim.ID, Route: "r", Key: "k"}
	answer := store.Answer{Fingerprint: []byte{9}, Status: 201, Body: []byte{0, 255}, At: noon()}
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Orders.Add(one, two)
		tx.Payments.Add(*one.Payment)
		tx.Owned.SaveAll([]coupon.IssuedCoupon{used})
		tx.Points.SaveAll([]point.Wallet{point.WalletOf(kim.ID, 7), point.WalletOf(lee.ID, 8)}, []point.Entry{
			{ID: s.ids(), UserID: kim.ID, Type: point.Charge, Amount: 10, Balance: 10, At: noon()},
			{ID: s.ids(), UserID: kim.ID, Type: point.Use, Amount: -3, Balance: 7, OrderID: &one.ID, At: noon()},
		})
		tx.Stocks.SaveAll([]product.Stock{product.StockOf(q.ID, 1), product.StockOf(p.ID, 2)}, []product.Movement{
			{ProductID: q.ID, Delta: -5, Quantity: 1, Reason: product.Ordered, OrderID: &two.ID, At: noon()},
			{ProductID: p.ID, Delta: -3, Quantity: 2, Reason: product.Adjusted, Note: "why", At: noon()},
		})
		tx.Keys.KeepAll([]store.KeptAnswer{{Key: key, Answer: answer}, {Key: store.Key{UserID: lee.ID, Route: "r", Key: "k"}, Answer: store.Answer{Status: 200, At: noon()}}})
		return nil
	})
	s.equal(order.Restore(one, one.History()), s.kept(one.ID))
	s.equal(order.Restore(two, two.History()), s.kept(two.ID))
	s.equal(&one.ID, s.lockOwned(kim.ID, owned.ID).OrderID)
	s.equal([]int64{2, 1}, []int64{s.listing(p.ID).Stock, s.listing(q.ID).Stock})
	s.equal(&answer, s.claim(key))
	state := s.group(store.GroupNeeds{GroupRows: store.GroupRows{Wallets: []id.ID{kim.ID, lee.ID}}})
	s.equal([]money.Won{7, 8}, []money.Won{state.Wallets[kim.ID].Balance(), state.Wallets[lee.ID].Balance()})
	entries := read(s, func(ctx context.Context, tx store.Tx) ([]point.Entry, error) {
		return tx.Points.History(ctx, kim.ID, id.ID{}, 9)
	})
	if len(entries) != 2 || entries[0].OrderID == nil || *entries[0].OrderID != one.ID || entries[1].OrderID != nil || entries[0].Amount != -3 {
		s.Errorf("entries: %+v", entries)
	}
}

// cardOrder returns an order with a payment by card, which is not stored yet.
func (s *shop) cardOrder(user id.ID, products ...product.Product) order.Order {
	s.Helper()
	o, err := s.order(user, products...).FundedBy(0, 0)
	if err != nil {
		s.Fatal(err)
	}
	return o.WithPayment(payment.New(s.ids(), o.ID, user, payment.Card{Type: payment.KB, Last4: "1451"}, o.Card, noon(), payment.DefaultPolicy()))
}

func groupWritesNothing(s *shop) {
	s.queue(func(tx store.Tx) {
		tx.Orders.Add()
		tx.Payments.Add()
		tx.Owned.SaveAll(nil)
		tx.Points.SaveAll(nil, nil)
		tx.Stocks.SaveAll(nil, nil)
		tx.Keys.KeepAll(nil)
		tx.Outbox.AppendAll(noon(), nil)
	})
	select {
	case <-s.db.Committed():
		s.Error("the relay is woken for no event")
	default:
	}
}

func groupRefused(s *shop) {
	u, p := s.user(), s.product(s.brand().ID, 5)
	for want, save := range map[error]func(tx store.Tx){
		point.ErrNoWallet: func(tx store.Tx) {
			tx.Points.SaveAll([]point.Wallet{point.WalletOf(u.ID, 7), point.WalletOf(s.ids(), 8)}, nil)
		},
		product.ErrNotFound: func(tx store.Tx) {
			tx.Stocks.SaveAll([]product.Stock{product.StockOf(p.ID, 7), product.StockOf(99, 8)}, nil)
		},
		coupon.ErrNotFound: func(tx store.Tx) { tx.Owned.SaveAll([]coupon.IssuedCoupon{{ID: s.ids()}}) },
	} {
		s.refuses(want, func(_ context.Context, tx store.Tx) error { save(tx); return nil })
	}
	got := s.group(store.GroupNeeds{GroupRows: store.GroupRows{Wallets: []id.ID{u.ID}, Products: []int64{p.ID}}})
	s.equal(map[id.ID]point.Wallet{u.ID: point.WalletOf(u.ID, 0)}, got.Wallets)
	s.equal(map[int64]product.Stock{p.ID: product.StockOf(p.ID, 5)}, got.Stocks)
}

func groupEvents(s *shop) {
	traces := []string{"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-11111111111111111111111111111111-2222222222222222-00"}
	var events []store.TracedEvent
	for i := range 30 {
		events = append(events, store.TracedEvent{Event: event.NewStockAdjusted(7, int64(i), 1, "why"), Traceparent: traces[i%3]})
	}
	s.queue(func(tx store.Tx) { tx.Outbox.AppendAll(noon(), events) })
	lanes := make([]int, store.Lanes)
	for i := range lanes {
		lanes[i] = i
	}
	found := read(s, func(ctx context.Context, tx store.Tx) ([]store.OutboxRecord, error) {
		return tx.Outbox.Next(ctx, lanes, 99)
	})
	for i, r := range found {
		want, err := event.Wrap(r.Envelope.ID, noon(), events[i].Traceparent, events[i].Event)
		if err != nil {
			s.Fatal(err)
		}
		s.equal(want, r.Envelope)
	}
	s.equal(30, len(found))
}

func groupSecondAnswer(s *shop) {
	k := store.Key{UserID: s.ids(), Route: "r", Key: "k"}
	s.keep(k, store.Answer{Status: 201, At: noon()})
	runs := 0
	s.update(func(_ context.Context, tx store.Tx) error {
		runs++
		if runs == 1 {
			tx.Keys.KeepAll([]store.KeptAnswer{{Key: k, Answer: store.Answer{Status: 202, At: noon().Add(time.Hour)}}})
		}
		return nil
	})
	s.equal(2, runs)
}
