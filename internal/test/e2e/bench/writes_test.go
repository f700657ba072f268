package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	writers = 16
	toEnd   = 6_000 // orders that are placed before, to be cancelled or settled
)

// BenchmarkWrites prints what other writes than orders cost, each in a transaction of its
// own, beside orders of 64 buyers.
func BenchmarkWrites(b *testing.B) {
	s := openOrderShop(b)
	if _, err := s.admin.Exec(b.Context(), `ANALYZE`); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		rows := [][]string{{"", "a second", "us of PostgreSQL", "us of ours"}}
		for _, w := range s.writes(b) {
			s.empty(b)
			rows = append(rows, s.cost(b, w))
		}
		table(b, rows)
		b.ReportMetric(0, "ns/op")
	}
}

// write is one kind of writes.
type write struct {
	name    string
	writers int
	prepare func(b *testing.B) []order.Order // what it is about
	do      func(ctx context.Context, about order.Order) error
}

func (s *orderShop) writes(b *testing.B) []write {
	b.Helper()
	anyone := func() id.ID { return userID(1 + rand.IntN(userCount)) }
	liked, wallets := likes.New(s.db, s.env.Clock), wallet.New(s.db, s.env.IDs, s.env.Clock)
	payments := settle.New(settle.Config{
		DB: s.db, Gateway: approving{}, Compensator: checkout.NewCompensator(s.env.IDs), Policy: payment.DefaultPolicy(),
		Holder: "bench", Clock: s.env.Clock, Random: s.env.Random, Log: s.env.Log,
	})
	orders := checkout.New(s.db, s.env.IDs, s.env.Clock, payment.DefaultPolicy(), checkout.WithPayments(payments), checkout.WithCharger(uncharged{}))
	card, err := payment.NewCardDetails(payment.KB, "1234-5678-9814-1451")
	if err != nil {
		b.Fatal(err)
	}
	place := func(card *payment.CardDetails) func(b *testing.B) []order.Order {
		return func(b *testing.B) []order.Order { b.Helper(); return s.placeAll(b, orders, card) }
	}
	buy := func(ctx context.Context, _ order.Order) error {
		r := checkout.Request{UserID: anyone(), Lines: []order.Want{{ProductID: 1 + rand.Int64N(productCount), Quantity: 1}}}
		_, err := orders.Place(ctx, r, store.Unguarded{})
		return err
	}
	return []write{
		{"orders, in groups", 64, nil, buy},
		{"orders, one by one", 1, nil, buy},
		{"likes", writers, nil, func(ctx context.Context, _ order.Order) error {
			return liked.Like(ctx, anyone(), 1+rand.Int64N(productCount))
		}},
		{"likes of one product", writers, nil, func(ctx context.Context, _ order.Order) error { return liked.Like(ctx, anyone(), 1) }},
		{"charges of points", writers, nil, func(ctx context.Context, _ order.Order) error {
			_, err := wallets.Charge(ctx, anyone(), 1000, store.Unguarded{})
			return err
		}},
		{"cancellations", writers, place(nil), func(ctx context.Context, o order.Order) error {
			_, err := orders.Cancel(ctx, o.UserID, o.ID, "", store.Unguarded{})
			return err
		}},
		{"settlements", writers, place(&card), func(ctx context.Context, o order.Order) error {
			_, err := payments.Settle(ctx, o.ID)
			return err
		}},
	}
}

// cost lets all writers write for a while, or until nothing is left to be written about.
func (s *orderShop) cost(b *testing.B, w write) []string {
	b.Helper()
	var about []order.Order
	if w.prepare != nil {
		about = w.prepare(b)
	}
	var done atomic.Int64
	var all sync.WaitGroup
	before, begun := s.cpu(b), time.Now()
	for range w.writers {
		all.Go(func() {
			for time.Since(begun) < buyTime {
				i, o := int(done.Add(1))-1, order.Order{}
				if w.prepare != nil {
					if i >= len(about) {
						return
					}
					o = about[i]
				}
				if err := w.do(b.Context(), o); err != nil {
					b.Error(w.name, err)
					return
				}
			}
		})
	}
	all.Wait()
	n, used, lasted := time.Duration(done.Load()), s.cpu(b), time.Since(begun)
	if w.prepare != nil {
		n = min(n, time.Duration(len(about)))
	}
	return []string{
		w.name, fmt.Sprintf("%.0f", float64(n)/lasted.Seconds()), fmt.Sprint(((used.server - before.server) / n).Microseconds()),
		fmt.Sprint(((used.ours - before.ours) / n).Microseconds()),
	}
}

// placeAll places orders, each of another customer and product.
func (s *orderShop) placeAll(b *testing.B, orders *checkout.Service, card *payment.CardDetails) []order.Order {
	b.Helper()
	placed := make([]order.Order, toEnd)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := next.Add(1) - 1; i < toEnd; i = next.Add(1) - 1 {
				r := checkout.Request{UserID: userID(1 + int(i)), Lines: []order.Want{{ProductID: 1 + i%productCount, Quantity: 1}}, Card: card}
				o, err := orders.Place(b.Context(), r, store.Unguarded{})
				if err != nil {
					b.Error(err)
					return
				}
				placed[i] = o
			}
		})
	}
	all.Wait()
	return placed
}

// approving is a gateway that has charged every card.
type approving struct{}

// Request implements settle.Gateway.
func (approving) Request(context.Context, payment.ChargeRequest) payment.Reply {
	return payment.Reply{}
}

// Find implements settle.Gateway.
func (approving) Find(_ context.Context, _, orderID id.ID) ([]payment.Charge, error) {
	return []payment.Charge{{Key: orderID.String(), OrderID: orderID, Amount: unitPrice, Status: payment.ChargeSucceeded}}, nil
}

// Cancel implements settle.Gateway.
func (approving) Cancel(context.Context, id.ID, id.ID, string) (payment.Charge, error) {
	return payment.Charge{}, nil
}

// uncharged is a charger that charges no card.
type uncharged struct{}

// ReserveSlot implements checkout.Charger.
func (uncharged) ReserveSlot() error { return nil }

// ReleaseSlot implements checkout.Charger.
func (uncharged) ReleaseSlot() {}

// Charge implements checkout.Charger.
func (uncharged) Charge(context.Context, payment.Payment, payment.CardDetails) {}

// ChargeIfCommitted implements checkout.Charger.
func (uncharged) ChargeIfCommitted(context.Context, payment.Payment, payment.CardDetails) {}
