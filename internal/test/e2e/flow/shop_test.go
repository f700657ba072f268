package flow_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

// shop is a running shop: both programs in this process, on one kind of infra.
type shop struct {
	infra

	env    wire.Env
	client apiclient.Client
	db     *sqlstore.DB
	board  *redis.Board
}

// each runs the test on every kind of infra.
func each(t *testing.T, test func(t *testing.T, s *shop)) {
	t.Helper()
	for name, prepare := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, prepare(t)))
		})
	}
}

// stock is the initial stock of a product.
const stock = 1_000_000

// open starts the programs, and stops them in order when the test ends.
func open(t *testing.T, on infra) *shop {
	t.Helper()
	w := wire.NewEnv(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	client, err := redis.Open(on.redis.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	calls := redis.NewCaller(client, time.Minute, w.Clock, w.Log)
	s := &shop{infra: on, env: w, db: on.open(t, options(w)), board: redis.NewBoard(calls, "")}
	s.client.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	t.Cleanup(s.client.HTTP.CloseIdleConnections)
	s.seed(t)
	s.run(t, calls)
	return s
}

// seed fills the shop with products and a hundred customers, u0 to u99.
func (s *shop) seed(t *testing.T) {
	t.Helper()
	content := seed.Shop{Brands: []seed.Brand{{Name: "Acme", Products: []seed.Product{
		{SKU: "cup", Name: "Cup", Price: 1000, Stock: stock}, {SKU: "pot", Name: "Pot", Price: 2500, Stock: stock},
		{SKU: "last", Name: "Last ten", Price: 100, Stock: 10},
	}}}}
	for i := range 100 {
		content.Customers = append(content.Customers, seed.Customer{
			LoginID: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@customers.example", i),
			BirthDate: "1990-01-01", Gender: user.Male, Points: 10_000_000,
		})
	}
	if _, err := seed.New(s.db, s.env.IDs, s.env.Clock).Seed(t.Context(), content, func(int) {}); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) run(t *testing.T, calls *redis.Caller) {
	t.Helper()
	listener, url := servicetest.Listen(t)
	s.client.URL = url
	accounts, err := s.env.Accounts(s.db, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	deps := wire.Infra{Env: s.env, DB: s.db, Kafka: s.env.Kafka(s.brokers, s.prefix, "flow"), Redis: calls}
	web, err := api.New(api.Deps{
		Infra: deps, Accounts: accounts, Listener: listener,
		// SQLite is Go code, which the race detector makes many times slower.
		Rules: api.Rules{TrustUserHeader: true, NearBytes: 8 << 20, RequestTimeout: 2 * time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := streamer.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	servicetest.Run(t, s.env.Log, web, stream)
}

// do sends a request, again while the shop is busy.
func (s *shop) do(ctx context.Context, q apiclient.Request) (apiclient.Response, error) {
	return s.client.DoPatiently(ctx, q)
}

// must sends a request and decodes the answer into v, unless v is nil. The test ends
// if the status is another one.
func (s *shop) must(t *testing.T, status int, q apiclient.Request, v any) {
	t.Helper()
	s.client.Must(t, status, q, v)
}

// ranking returns the ranking of today.
func (s *shop) ranking(ctx context.Context) ([]apiclient.RankedProduct, error) {
	got, err := s.do(ctx, apiclient.DailyRanking(clock.DayOf(s.env.Clock()).String()))
	if err != nil {
		return nil, err
	}
	if !got.OK() {
		return nil, fmt.Errorf("rankings = %v", got)
	}
	var ranking apiclient.Ranking
	return ranking.Items, got.Decode(&ranking)
}

// verify waits until the checks of the operator find no difference.
func (s *shop) verify(t *testing.T) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, "verify finds no difference", func() error {
		results, err := verify.New(s.db).Once(t.Context(), nil)
		if err != nil {
			return err
		}
		for _, r := range results {
			if !r.Right() {
				return fmt.Errorf("%s: %+v", r.Check, r.Differences)
			}
		}
		return nil
	})
	s.verifyBoard(t)
}

func (s *shop) verifyBoard(t *testing.T) {
	t.Helper()
	today := clock.DayOf(s.env.Clock())
	v := leaderboard.NewVerifier(s.db, s.board, s.env.Clock, s.env.Log)
	cluster.Eventually(t, 15*time.Second, "ranking and database agree", func() error {
		found, err := v.Verify(t.Context(), []clock.Day{today.Add(-1), today}, nil)
		if err == nil && (len(found.Differences) > 0 || len(found.Days) == 0) {
			err = fmt.Errorf("%+v", found)
		}
		return err
	})
}
