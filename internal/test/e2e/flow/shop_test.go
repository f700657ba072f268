package flow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

// shop is a running shop: both programs in this process, on some ground.
type shop struct {
	ground

	world wire.Env
	url   string
	http  http.Client
	db    *sqlstore.DB
	board *redis.Board
}

// each runs the test on every ground.
func each(t *testing.T, test func(t *testing.T, s *shop)) {
	t.Helper()
	for name, lay := range grounds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, lay(t)))
		})
	}
}

// stock is what a product of the test shop begins with.
const stock = 1_000_000

// open starts the programs, and stops them in order when the test ends.
func open(t *testing.T, g ground) *shop {
	t.Helper()
	w := wire.Real(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	client, err := redis.Open(g.redis.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	s := &shop{ground: g, world: w, db: g.open(t, options(w)), board: redis.NewBoard(client, "", w.Clock, w.Log)}
	s.http.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(s.http.CloseIdleConnections)
	s.plant(t)
	s.run(t, client)
	return s
}

// plant fills the shop with two products and a hundred customers, u0 to u99.
func (s *shop) plant(t *testing.T) {
	t.Helper()
	wanted := seed.Shop{Brands: []seed.Brand{{Name: "Acme", Products: []seed.Product{
		{SKU: "cup", Name: "Cup", Price: 1000, Stock: stock}, {SKU: "pot", Name: "Pot", Price: 2500, Stock: stock},
		{SKU: "last", Name: "Last ten", Price: 100, Stock: 10},
	}}}}
	for i := range 100 {
		wanted.Customers = append(wanted.Customers, seed.Customer{
			LoginID: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@customers.example", i),
			BirthDate: "1990-01-01", Gender: user.Male, Points: 10_000_000,
		})
	}
	if _, err := seed.New(s.db, s.world.IDs, s.world.Clock).Seed(t.Context(), wanted, func(int) {}); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) run(t *testing.T, client *goredis.Client) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	desk, err := s.world.Accounts(s.db, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ground := wire.Infra{Env: s.world, DB: s.db, Kafka: s.world.Kafka(s.brokers, s.prefix, "flow"), Redis: client}
	web, err := api.New(api.Deps{
		Infra: ground, Accounts: desk, Listener: listener,
		// The race detector makes SQLite, which is all Go here, many times slower.
		Rules: api.Rules{TrustUserHeader: true, RequestTimeout: 2 * time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := streamer.New(ground)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- run.All(ctx, s.world.Log, append(web.Components, stream.Components...)...) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the programs ended with %v", err)
		}
		stream.Close()
		web.Close()
	})
}

// answer is what the API said.
type answer struct {
	status   int
	body     string
	replayed bool
}

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// ask sends a request in the name of a user; headers come as pairs.
func (s *shop) ask(ctx context.Context, who, method, path, body string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("X-USER-ID", who)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, string(text), res.Header.Get("Idempotent-Replayed") == "true"}, err
}

// must is ask, and the test ends unless the answer has the status.
func (s *shop) must(t *testing.T, status int, who, method, path, body string, headers ...string) answer {
	t.Helper()
	a, err := s.ask(t.Context(), who, method, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != status {
		t.Fatalf("%s %s = %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

// place is one place of a ranking.
type place struct {
	Rank    int64
	Product struct{ ID int64 }
	Score   json.Number
}

func (s *shop) ranking(ctx context.Context) ([]place, error) {
	a, err := s.ask(ctx, "", http.MethodGet, "/api/v1/rankings?period=daily&date="+clock.DayOf(s.world.Clock()).String(), "")
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("rankings = %d %s", a.status, a.body)
	}
	var got struct{ Items []place }
	return got.Items, json.Unmarshal([]byte(a.body), &got)
}

// verify waits until nothing differs, and fails the test if something goes on to.
func (s *shop) verify(t *testing.T) {
	t.Helper()
	eventually(t, 30*time.Second, "the books agree", func() error {
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
	today := clock.DayOf(s.world.Clock())
	v := leaderboard.NewVerifier(s.db, s.board, ranking.DefaultWeights(), s.world.Clock, s.world.Log)
	eventually(t, 15*time.Second, "board and database agree", func() error {
		found, err := v.Verify(t.Context(), []clock.Day{today.Add(-1), today})
		if err == nil && (len(found.Differences) > 0 || len(found.Days) == 0) {
			err = fmt.Errorf("%+v", found)
		}
		return err
	})
}

// eventually calls try until it succeeds, and fails the test if it has not within limit.
func eventually(t *testing.T, limit time.Duration, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		if !backoff.Wait(ctx, 5*time.Millisecond) {
			t.Fatalf("not within %v: %s: %v", limit, what, err)
		}
	}
}
