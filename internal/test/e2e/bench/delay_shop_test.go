package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// delayShop is commerce-api and commerce-streamer in this process, each with
// connections of its own, on PostgreSQL, Kafka and Redis.
type delayShop struct {
	*orderShop

	board  redistest.Board
	url    string
	tokens []string
	http   http.Client
	sold   int64 // so many products, from the first one on
}

func openDelayShop(b *testing.B, products int) *delayShop {
	b.Helper()
	s := &delayShop{orderShop: openOrderShop(b)}
	s.stock(b, products)
	s.board = redistest.Real(b, s.world.Clock)
	s.http.Transport = &http.Transport{MaxIdleConnsPerHost: orderRate}
	b.Cleanup(s.http.CloseIdleConnections)
	s.serve(b)
	return s
}

// stock adds to the products until there are so many.
func (s *delayShop) stock(b *testing.B, products int) {
	b.Helper()
	s.exec(b, fmt.Sprintf(`
		INSERT INTO products (brand_id, name, description, price, status, created_us)
		SELECT 1, 'Product number ' || n, 'As good as any other', %d, 'ON_SALE', 0 FROM generate_series(%d, %d) n;
		INSERT INTO stocks (product_id, quantity) SELECT id, %d FROM products ON CONFLICT DO NOTHING`,
		unitPrice, buyable+1, products, firstStock))
	s.analyze(b)
}

// serve runs both programs until the benchmark ends.
func (s *delayShop) serve(b *testing.B) {
	b.Helper()
	secret := bytes.Repeat([]byte("k"), 32)
	s.tokens = s.sign(b, secret)
	desk, err := s.world.Accounts(s.db, secret, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	aside, end, err := s.world.RelayStore(b.Context(), s.address, s.db)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = end() })
	brokers, prefix := kafkatest.Real(b)
	ground := wire.Infra{
		Env: s.world, DB: s.db, RelayDB: aside, Kafka: s.world.Kafka(brokers, prefix, "bench"),
		Redis: s.board.Client, RedisPrefix: s.board.Prefix,
	}
	listener := loopback(b)
	s.url = "http://" + listener.Addr().String()
	web, err := api.New(api.Deps{
		Infra: ground, Accounts: desk, Listener: listener,
		// An order that is slow is to be seen as one.
		Rules: api.Rules{RequireIdempotencyKey: true, RequestTimeout: patience},
	})
	if err != nil {
		b.Fatal(err)
	}
	ground.DB, ground.RelayDB = s.open(b, s.address), nil
	stream, err := streamer.New(ground)
	if err != nil {
		b.Fatal(err)
	}
	s.run(b, web, stream)
}

func (s *delayShop) run(b *testing.B, web, stream wire.Program) {
	b.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	done := make(chan error, 1)
	go func() { done <- run.All(ctx, s.world.Log, append(web.Components, stream.Components...)...) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Errorf("the programs ended with %v", err)
		}
		stream.Close()
		web.Close()
	})
}
