package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/test/kit/limits"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// The shop for the orders. Each program has as many connections to the database as by
// default.
const (
	connections  = 16
	productCount = 10_000
	userCount    = 10_000
	unitPrice    = limits.UnitPrice
	buyTime      = 2 * time.Second
	firstStock   = limits.FirstStock
	firstMoney   = limits.FirstMoney
)

// orderShop is a shop on PostgreSQL with enough stock and points for every round.
type orderShop struct {
	env     wire.Env
	address string
	db      *sqlstore.DB
	second  *sqlstore.DB // of another program
	admin   *pgx.Conn
}

func openOrderShop(b *testing.B) *orderShop {
	b.Helper()
	s := &orderShop{env: wire.NewEnv(slog.New(slog.DiscardHandler)), address: storetest.Schema(b)}
	s.address += "&application_name=bench_" + s.env.IDs().String() // by which the server knows our connections
	address := fmt.Sprintf("%s&pool_max_conns=%d", s.address, connections)
	s.db, s.second = s.open(b, address), s.open(b, address)
	if _, err := s.db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	var err error
	if s.admin, err = pgx.Connect(b.Context(), s.address); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.admin.Close(context.WithoutCancel(b.Context())) })
	s.fill(b)
	return s
}

func (s *orderShop) open(b *testing.B, address string) *sqlstore.DB {
	b.Helper()
	db, err := postgres.Open(b.Context(), address, sqlstore.Options{
		Clock: s.env.Clock, IDs: s.env.IDs, Random: s.env.Random, Log: s.env.Log,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *orderShop) newCheckout(db *sqlstore.DB) *checkout.Service {
	return checkout.New(db, s.env.IDs, s.env.Clock, payment.DefaultPolicy())
}

func (s *orderShop) fill(b *testing.B) {
	b.Helper()
	s.exec(b, limits.OrderShop{Buyers: userCount, Products: productCount}.Fill())
	s.analyze(b)
}

// analyze analyzes the tables that are filled. Statistics that say that the others are
// empty would mislead the planner for the rest of the benchmark.
func (s *orderShop) analyze(b *testing.B) {
	b.Helper()
	s.exec(b, `ANALYZE users, wallets, brands, products, stocks`)
}

func (s *orderShop) exec(b *testing.B, sql string) {
	b.Helper()
	if _, err := s.admin.Exec(b.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		b.Fatal(err)
	}
}

// empty removes every order, so that each round begins like the first one.
func (s *orderShop) empty(b *testing.B) {
	b.Helper()
	for _, statement := range (limits.OrderShop{}).Empty() {
		s.exec(b, statement)
	}
}

// check fails the benchmark unless there are n complete orders.
func (s *orderShop) check(b *testing.B, n int64) {
	b.Helper()
	for what, want := range map[string]int64{
		"COUNT(*) FROM orders WHERE status = 'PAID'":                         n,
		"COUNT(*) FROM order_lines WHERE quantity = 1":                       n,
		"COUNT(*) FROM order_history":                                        2 * n,
		"COUNT(*) FROM stock_movements":                                      n,
		"COUNT(*) FROM point_entries":                                        n,
		"COUNT(*) FROM outbox":                                               2 * n,
		"COUNT(*) FROM idempotency_keys":                                     n,
		fmt.Sprintf("SUM(%d - quantity)::bigint FROM stocks", firstStock):    n,
		fmt.Sprintf("SUM(%d - balance)::bigint FROM wallets", firstMoney):    n * unitPrice,
		"COUNT(DISTINCT (product_id, quantity)) FROM stock_movements":        n,
		"COUNT(*) FROM orders o JOIN order_lines l ON l.order_id = o.id":     n,
		"COUNT(*) FROM orders o JOIN point_entries p ON p.order_id = o.id":   n,
		"COUNT(*) FROM orders o JOIN stock_movements m ON m.order_id = o.id": n,
	} {
		var got int64
		if err := s.admin.QueryRow(b.Context(), "SELECT "+what).Scan(&got); err != nil {
			b.Fatal(err)
		}
		if got != want {
			b.Fatalf("%s is %d after %d orders, want %d", what, got, n, want)
		}
	}
}
