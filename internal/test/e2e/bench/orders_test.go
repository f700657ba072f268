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
	comparison{
		unit: "orders/s", goal: 0.6,
		ours: s.useCase("checkout", productCount), baseline: s.pgbench("pgbench", s.script(b), productCount),
		others: []side{s.overHTTP(b, productCount)},
	}.run(b)
}

// BenchmarkOrdersHot places all orders on one product.
func BenchmarkOrdersHot(b *testing.B) {
	s := openOrderShop(b)
	comparison{
		unit: "orders/s", goal: 0.5,
		ours: s.useCase("one product", 1), baseline: s.useCase("10,000 products", productCount),
		others: []side{s.pgbench("pgbench, one product", s.script(b), 1)},
	}.run(b)
}

// script returns an order for pgbench: the statements that checkout.Place sends, recorded
// on the wire.
func (s *orderShop) script(b *testing.B) *script {
	b.Helper()
	const buyer, product = 4_242, 7_919 // numbers that occur nowhere else
	var w recorder
	service := s.newCheckout(s.open(b, w.listen(b, s.address)+"&pool_max_conns=1"))
	buy := func() (o order.Order) {
		s.empty(b)
		o, err := s.place(b, service, buyer, product)
		if err != nil {
			b.Fatal(err)
		}
		return o
	}
	buy() // prepares the statements
	pipelines := w.during(b, s.admin, func() { buy() })
	var key string
	if err := s.admin.QueryRow(b.Context(), "SELECT key FROM idempotency_keys").Scan(&key); err != nil {
		b.Fatal(err)
	}
	return orderScript(pipelines, map[string]string{
		userID(buyer).String(): "lpad(:buyer, 32, '0')::uuid", key: "lpad(:serial, 36, '0')",
		strconv.Itoa(product): ":product", fmt.Sprintf("{%d}", product): "ARRAY[:product]::bigint[]",
		strconv.Itoa(firstStock - 1): ":left", strconv.Itoa(firstMoney - unitPrice): ":rest",
	})
}

// pgbench is a side that runs a script.
func (s *orderShop) pgbench(name string, sc *script, products int) side {
	return side{name, func(b *testing.B) float64 {
		b.Helper()
		s.empty(b)
		done, rate := sc.run(b, s.address, map[string]int{"buyers": userCount, "products": products, "price": unitPrice})
		s.check(b, done)
		return rate
	}}
}
