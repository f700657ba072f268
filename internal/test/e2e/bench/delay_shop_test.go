package bench_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

// delayShop is commerce-api and commerce-streamer in this process, each with
// connections of its own, on PostgreSQL, Kafka and Redis.
type delayShop struct {
	*orderShop

	board   redistest.Board
	brokers []string
	prefix  string // of topics
	url     string
	tokens  []string
	http    http.Client
	sold    int64 // this many products, from the first one on
}

func openDelayShop(b *testing.B, products int) *delayShop {
	b.Helper()
	s := &delayShop{orderShop: openOrderShop(b)}
	s.stock(b, products)
	s.board = redistest.Real(b, s.env.Clock)
	s.http.Transport = &http.Transport{MaxIdleConnsPerHost: orderRate}
	b.Cleanup(s.http.CloseIdleConnections)
	s.serve(b)
	return s
}

// stock adds products until there are this many.
func (s *delayShop) stock(b *testing.B, products int) {
	b.Helper()
	s.exec(b, fmt.Sprintf(`
		INSERT INTO products (brand_id, name, description, price, status, created_us)
		SELECT 1, 'Product number ' || n, 'As good as any other', %d, 'ON_SALE', 0 FROM generate_series(%d, %d) n;
		INSERT INTO stocks (product_id, quantity) SELECT id, %d FROM products ON CONFLICT DO NOTHING`,
		unitPrice, productCount+1, products, firstStock))
	s.analyze(b)
}

// serve runs both programs until the benchmark ends.
func (s *delayShop) serve(b *testing.B) {
	b.Helper()
	secret := bytes.Repeat([]byte("k"), 32)
	s.tokens = s.sign(b, secret)
	accounts, err := s.env.Accounts(s.db, secret, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	shares := wire.Divide(s.db)
	s.brokers, s.prefix = kafkatest.Real(b)
	deps := wire.Infra{
		Env: s.env, DB: shares.Main, RelayDB: shares.Relay, Kafka: s.env.Kafka(s.brokers, s.prefix, "bench"),
		Redis: s.board.Caller, RedisPrefix: s.board.Prefix,
	}
	listener, url := servicetest.Listen(b)
	s.url = url
	web, err := api.New(api.Deps{
		Infra: deps, Accounts: accounts, Listener: listener,
		// A slow order must be measured, not fail.
		Rules: api.Rules{RequireIdempotencyKey: true, RequestTimeout: traceTimeout},
	})
	if err != nil {
		b.Fatal(err)
	}
	deps.DB, deps.RelayDB = s.open(b, s.address), nil
	stream, err := streamer.New(deps)
	if err != nil {
		b.Fatal(err)
	}
	servicetest.Run(b, s.env.Log, web, stream)
}
