package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// BenchmarkOrdersHeld compares how long orders take, at p99, while others do what could hold
// them up, with how long they take alone.
func BenchmarkOrdersHeld(b *testing.B) {
	s := openOrderShop(b)
	nuisances := []struct {
		name string
		run  func(ctx context.Context, orders *checkout.Service) (end func() error)
	}{
		{"while another program holds a product that 16 want", s.holdRow},
		{"while 4 order 1,000 lines each, again and again", s.orderLarge},
	}
	for b.Loop() {
		alone, ratios := make([]float64, 0, *rounds), make([][]float64, len(nuisances))
		for round := range *rounds + 1 {
			base := s.p99Beside(b, func(context.Context, *checkout.Service) func() error { return func() error { return nil } })
			if round > 0 {
				alone = append(alone, base)
			}
			for i, n := range nuisances {
				if ratio := s.p99Beside(b, n.run) / base; round > 0 {
					ratios[i] = append(ratios[i], ratio)
				}
			}
		}
		rows := [][]string{{"", "median", "least", "most", ""}, spreadOf(alone).row("64 buyers, p99", "%.1f", "ms")}
		for i, n := range nuisances {
			rows = append(rows, spreadOf(ratios[i]).row(n.name, "%.2f", "times as long"))
		}
		table(b, rows)
		b.ReportMetric(spreadOf(ratios[0]).median, "ratio")
		b.ReportMetric(0, "ns/op")
	}
}

// p99Beside returns p99 of the orders of 64 buyers in milliseconds, while something else goes
// on. None of them wants product 1, or is one of the first 100 customers.
func (s *orderShop) p99Beside(b *testing.B, nuisance func(context.Context, *checkout.Service) func() error) float64 {
	b.Helper()
	s.empty(b)
	orders := s.newCheckout(s.db)
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	end := nuisance(ctx, orders)
	const buyers = 64
	took := make([][]time.Duration, buyers)
	var all sync.WaitGroup
	for i := range buyers {
		all.Go(func() {
			for begun, at := time.Now(), time.Now(); at.Sub(begun) < buyTime; {
				if _, err := s.place(b, orders, 101+rand.IntN(userCount-100), 2+rand.IntN(productCount-1)); err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(at))
				at = now
			}
		})
	}
	all.Wait()
	stop()
	if err := end(); err != nil {
		b.Fatal(err)
	}
	each := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.Logf("%.0f orders/s, p50 %.1f ms, p99 %.1f ms", float64(len(each))/buyTime.Seconds(), at(each, 50), at(each, 99))
	return at(each, 99)
}

// holdRow lets another program hold product 1 while 16 want it. They get it in the end.
func (s *orderShop) holdRow(_ context.Context, orders *checkout.Service) (end func() error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.address)
	if err == nil {
		_, err = conn.Exec(ctx, `BEGIN; SELECT FROM stocks WHERE product_id = 1 FOR UPDATE`)
	}
	errs := make(chan error, 16)
	for i := range cap(errs) {
		go func() {
			r := checkout.Request{UserID: userID(1 + i), Lines: []order.Want{{ProductID: 1, Quantity: 1}}}
			_, err := orders.Place(ctx, r, store.Unguarded{})
			errs <- err
		}()
	}
	return func() error {
		if err != nil {
			return fmt.Errorf("hold a row: %w", err)
		}
		err := conn.Close(ctx)
		for range cap(errs) {
			if placed := <-errs; placed != nil {
				err = placed
			}
		}
		return err
	}
}

// orderLarge lets 4 customers order 1,000 products each until ctx ends.
func (s *orderShop) orderLarge(ctx context.Context, orders *checkout.Service) (end func() error) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				r := checkout.Request{UserID: userID(1 + i)}
				for _, n := range rand.Perm(productCount - 1)[:1000] {
					r.Lines = append(r.Lines, order.Want{ProductID: int64(2 + n), Quantity: 1})
				}
				_, _ = orders.Place(ctx, r, store.Unguarded{}) // it may be refused
			}
		})
	}
	return func() error { all.Wait(); return nil }
}
