package bench_test

import (
	"fmt"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/test/kit/limits"
)

// BenchmarkOrdersSpread places orders of one of 10,000 products each, paid by points,
// against pgbench with one order in a transaction.
func BenchmarkOrdersSpread(b *testing.B) {
	s := openOrderShop(b)
	comparison{
		unit: "orders/s", goal: 4,
		ours: s.useCase("64 buyers", 64, productCount), baseline: s.pgbench(limits.PgbenchClients, productCount),
		others: []side{
			s.useCase("16 buyers", 16, productCount), s.useCase("256 buyers", 256, productCount), s.overHTTP(b, 64, productCount),
		},
	}.run(b)
}

// BenchmarkOrdersHot places all orders on one product.
func BenchmarkOrdersHot(b *testing.B) {
	s := openOrderShop(b)
	comparison{
		unit: "orders/s", goal: 2.5,
		ours: s.useCase("one product, 64 buyers", 64, 1), baseline: s.pgbench(limits.PgbenchClients, productCount),
		others: []side{
			s.twoPrograms("one product, two programs, 64 buyers", 64, 1), s.useCase("one product, 16 buyers", 16, 1),
			s.useCase("10,000 products, 64 buyers", 64, productCount),
		},
	}.run(b)
}

// BenchmarkOrdersAlone places the orders of one buyer.
func BenchmarkOrdersAlone(b *testing.B) {
	s := openOrderShop(b)
	comparison{
		unit: "orders/s", goal: 1,
		ours: s.useCase("one buyer", 1, productCount), baseline: s.pgbench(1, productCount),
	}.run(b)
}

// pgbench is a side that places each order in a transaction of its own.
func (s *orderShop) pgbench(clients, products int) side {
	return side{fmt.Sprintf("pgbench, %d clients", clients), func(b *testing.B) float64 {
		b.Helper()
		s.empty(b)
		done, rate := limits.Pgbench(b, limits.OrderShop{Address: s.address, Buyers: userCount, Products: products}, clients, buyTime)
		s.check(b, done)
		return rate
	}}
}

// twoPrograms is a side whose buyers are divided between two programs, each with
// connections of its own.
func (s *orderShop) twoPrograms(name string, buyers, products int) side {
	return s.side(name, buyers, products, []*checkout.Service{s.newCheckout(s.db), s.newCheckout(s.second)})
}
