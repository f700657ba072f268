package bench_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/loopers-commerce/commerce/internal/domain/order"
)

// BenchmarkOrdersSpread places orders of one of 10,000 products each, paid by
// points, against pgbench with the same statements in the same pipelines.
func BenchmarkOrdersSpread(b *testing.B) {
	s := openOrderShop(b)
	contest{
		unit: "orders/s", goal: 0.6,
		ours: s.useCase("checkout", buyable), limit: s.pgbench("pgbench", s.script(b), buyable),
		besides: []side{s.overHTTP(b, buyable)},
	}.hold(b)
}

// BenchmarkOrdersHot places all orders on one product.
func BenchmarkOrdersHot(b *testing.B) {
	s := openOrderShop(b)
	contest{
		unit: "orders/s", goal: 0.5,
		ours: s.useCase("one product", 1), limit: s.useCase("10,000 products", buyable),
		besides: []side{s.pgbench("pgbench, one product", s.script(b), 1)},
	}.hold(b)
}

// script is an order as pgbench places it: what checkout.Place sends, heard on
// the wire.
func (s *orderShop) script(b *testing.B) *script {
	b.Helper()
	const buyer, product = 4_242, 7_919 // two more numbers that nothing else is
	var w tap
	desk := s.desk(s.open(b, w.listen(b, s.address)+"&pool_max_conns=1"))
	buy := func() (o order.Order) {
		s.empty(b)
		o, err := s.place(b, desk, buyer, product)
		if err != nil {
			b.Fatal(err)
		}
		return o
	}
	buy() // prepares the statements
	heard := w.during(b, s.admin, func() { buy() })
	var key string
	if err := s.admin.QueryRow(b.Context(), "SELECT key FROM idempotency_keys").Scan(&key); err != nil {
		b.Fatal(err)
	}
	return orderScript(heard, map[string]string{
		numbered(buyer).String(): "lpad(:buyer, 32, '0')::uuid", key: "lpad(:serial, 36, '0')",
		strconv.Itoa(product): ":product", fmt.Sprintf("{%d}", product): "ARRAY[:product]::bigint[]",
		strconv.Itoa(firstStock - 1): ":left", strconv.Itoa(firstMoney - unitPrice): ":rest",
	})
}

// pgbench is a side that runs the script.
func (s *orderShop) pgbench(name string, sc *script, products int) side {
	return side{name, func(b *testing.B) float64 {
		b.Helper()
		s.empty(b)
		done, rate := sc.run(b, s.address, map[string]int{"buyers": paying, "products": products, "price": unitPrice})
		s.check(b, done)
		return rate
	}}
}
