package caches_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// away is what is missing in a shop.
type away struct{ kafka, redis bool }

// nowhere is an address where nobody listens.
func nowhere(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + cluster.FreePort(t)
}

// shop is two instances of commerce-api on one database, each with connections of its own.
type shop struct {
	apis [2]apiclient.Client
	envs [2]wire.Env
	dbs  [2]*sqlstore.DB

	redis *miniredis.Miniredis
}

// admin may edit products. It is a customer, too.
const admin = "admin"

func open(t *testing.T, without away, products int) *shop {
	t.Helper()
	s, address := &shop{}, storetest.Schema(t)
	brokers, prefix := []string{nowhere(t)}, ""
	if !without.kafka {
		brokers, prefix = kafkatest.Real(t)
	}
	board := redistest.Embedded(t, time.Now)
	if without.redis {
		board.Server.Close()
	}
	s.redis = board.Server
	var programs []wire.Program
	for i := range s.apis {
		env := wire.NewEnv(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})))
		s.envs[i], s.dbs[i] = env, s.store(t, env, address)
		if i == 0 {
			s.seed(t, products)
		}
		shares := wire.Divide(s.dbs[i])
		infra := wire.Infra{Env: env, DB: shares.Main, RelayDB: shares.Relay, Kafka: env.Kafka(brokers, prefix, "caches"), Redis: board.Caller, RedisPrefix: board.Prefix}
		programs = append(programs, s.serve(t, i, infra))
		if i == 0 && !without.kafka {
			infra.Env = wire.NewEnv(env.Log) // metrics of its own
			program, err := streamer.New(infra)
			if err != nil {
				t.Fatal(err)
			}
			programs = append(programs, program)
		}
	}
	servicetest.Run(t, s.envs[0].Log, programs...)
	return s
}

func (s *shop) store(t *testing.T, env wire.Env, address string) *sqlstore.DB {
	t.Helper()
	db, err := env.Store(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func (s *shop) seed(t *testing.T, products int) {
	t.Helper()
	brand := seed.Brand{Name: "Acme"}
	for n := range products {
		brand.Products = append(brand.Products, seed.Product{SKU: fmt.Sprint(n), Name: fmt.Sprintf("Product %d", n), Price: firstPrice, Stock: firstStock})
	}
	content := seed.Shop{Brands: []seed.Brand{brand}, Customers: []seed.Customer{{
		LoginID: admin, Email: "admin@customers.example", BirthDate: "1990-01-01", Gender: user.Male, Points: 10_000_000,
	}}}
	if _, err := seed.New(s.dbs[0], s.envs[0].IDs, s.envs[0].Clock).Seed(t.Context(), content, func(int) {}); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) serve(t *testing.T, i int, infra wire.Infra) wire.Program {
	t.Helper()
	listener, url := servicetest.Listen(t)
	s.apis[i] = apiclient.Client{URL: url, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(s.apis[i].HTTP.CloseIdleConnections)
	users, err := infra.Env.Accounts(infra.DB, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.grant(t, i, users)
	web, err := api.New(api.Deps{
		Infra: infra, Accounts: users, Listener: listener,
		Rules: api.Rules{TrustUserHeader: true, RequestTimeout: time.Minute, NearBytes: 8 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	return web
}

func (s *shop) grant(t *testing.T, i int, users *accounts.Service) {
	t.Helper()
	if i > 0 {
		return
	}
	if err := users.Grant(t.Context(), admin, user.Admin); err != nil {
		t.Fatal(err)
	}
}

// must sends a request to an instance.
func (s *shop) must(ctx context.Context, i, status int, q apiclient.Request, v any) error {
	got, err := s.apis[i].DoPatiently(ctx, q)
	if err != nil {
		return err
	}
	if got.Status != status {
		return fmt.Errorf("%s %s: %v", q.Method, q.Path, got)
	}
	if v == nil {
		return nil
	}
	return got.Decode(v)
}
