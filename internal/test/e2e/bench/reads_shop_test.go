package bench_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// fillShop fills a shop: $1 products in $2 brands, with prices and likes that many of them
// share. The ids are the numbers. The foreign keys hold by construction.
const fillShop = `
	SET session_replication_role = replica;
	INSERT INTO brands (name, description)
	SELECT 'Brand number ' || n, 'One of those that are sold here' FROM generate_series(1, $2) n;
	INSERT INTO products (brand_id, name, folded, description, price, status, created_us)
	SELECT 1 + n % $2, name, lower(name), repeat('It is as good as any other. ', 8),
		1000 + (n * 7919) % 100000 * 10, 'ON_SALE', 1760000000000000 + n * 1000000
	FROM (SELECT n, 'Product number ' || n AS name FROM generate_series(1, $1::bigint) n) s ORDER BY n;
	INSERT INTO product_likes (product_id, brand_id, hidden, like_count)
	SELECT id, brand_id, FALSE, abs(hashint8(id) % 1000) FROM products;
	INSERT INTO stocks (product_id, quantity) SELECT n, n % 100 FROM generate_series(1, $1) n;
	RESET session_replication_role;
	VACUUM ANALYZE brands, products, product_likes, stocks`

// readShop is commerce-api in this process on PostgreSQL, Redis and Kafka, with
// the settings that it has by default.
type readShop struct {
	env   wire.Env
	url   string
	db    *sqlstore.DB
	admin *pgx.Conn
	board redistest.Board
}

func openReadShop(b *testing.B, products, brands int) *readShop {
	b.Helper()
	return openFilledShop(b, fillShop, products, brands)
}

// openFilledShop opens a shop that a script has filled.
func openFilledShop(b *testing.B, script string, products, brands int) *readShop {
	b.Helper()
	log := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // a log costs what it costs
	s := &readShop{env: wire.NewEnv(log)}
	address := storetest.Schema(b)
	var err error
	if s.db, err = s.env.Store(b.Context(), address); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.db.Close() })
	if _, err := s.db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	if s.admin, err = pgx.Connect(b.Context(), address); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.admin.Close(context.WithoutCancel(b.Context())) })
	s.fill(b, script, products, brands)
	s.board = redistest.Real(b, s.env.Clock)
	s.serve(b)
	return s
}

// fill runs a script. The index of names is made afterwards, which is faster.
func (s *readShop) fill(b *testing.B, script string, products, brands int) {
	b.Helper()
	var index string
	err := s.admin.QueryRow(b.Context(), `SELECT pg_get_indexdef('products_grams'::regclass)`).Scan(&index)
	if err != nil {
		b.Fatal(err)
	}
	script = strings.Replace("DROP INDEX products_grams;"+script, "RESET", index+"; RESET", 1)
	for statement := range statements(script, products, brands) {
		if _, err := s.admin.Exec(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
}

// rank puts every product into today's ranking.
func (s *readShop) rank(b *testing.B) {
	b.Helper()
	days := ranking.OnBoard(s.env.Clock())
	for _, day := range days {
		_, err := s.admin.Exec(b.Context(), `
			INSERT INTO product_metrics (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
			SELECT id, $1, id, 0, 0, 0, 0, 0, 1 FROM products`, int64(day))
		if err != nil {
			b.Fatal(err)
		}
	}
	builder := leaderboard.NewBuilder(s.db, s.board, s.env.Clock, "bench", s.env.Log)
	if err := builder.Rebuild(b.Context(), days, nil); err != nil {
		b.Fatal(err)
	}
}

// serve runs the program until the benchmark ends.
func (s *readShop) serve(b *testing.B) {
	b.Helper()
	listener, url := servicetest.Listen(b)
	s.url = url
	shares := wire.Divide(s.db)
	accounts, err := s.env.Accounts(s.db, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	brokers, prefix := kafkatest.Real(b)
	web, err := api.New(api.Deps{
		Infra: wire.Infra{
			Env: s.env, DB: shares.Main, RelayDB: shares.Relay, Kafka: s.env.Kafka(brokers, prefix, "bench"),
			Redis: s.board.Caller, RedisPrefix: s.board.Prefix,
		},
		Accounts: accounts, Listener: listener, Rules: api.Rules{RequireIdempotencyKey: true, RequestTimeout: 10 * time.Second, NearBytes: 64 << 20},
	})
	if err != nil {
		b.Fatal(err)
	}
	servicetest.Run(b, s.env.Log, web)
}
