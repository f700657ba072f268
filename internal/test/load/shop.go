package load

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/credentials"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

const (
	// connections is how many connections the customers have at most.
	connections = 2_000
	// secret signs the tokens of sessions.
	secret = "a secret of the load test, 32 bytes or more"
)

// shop is the programs on the servers that tests share, and its customers.
type shop struct {
	catalog

	tb       testing.TB
	programs *cluster.Programs
	on       cluster.Infra
	db       *pgtest.DB
	api      *cluster.Service
	streamer *cluster.Service
	gateway  cluster.Gateway
	client   apiclient.Client
	tokens   []string  // of sessions; the first one is the admin's
	day      clock.Day // when the shop was filled: its ranking has pages, also after midnight
}

// open fills a shop and starts its programs, for as long as tb runs. say tells what is
// being done.
func open(tb testing.TB, programs *cluster.Programs, products int64, customers int, say func(format string, args ...any)) *shop {
	tb.Helper()
	s := &shop{catalog: newCatalog(products), tb: tb, programs: programs, day: today()}
	say("building the programs")
	programs.Path(tb, "commerce")
	s.on = cluster.SharedServers(tb)
	s.db = pgtest.Open(tb, s.on.DatabaseURL)
	programs.MustRun(tb, s.on.Env, "migrate")
	say("seeding %d products of %d brands and %d customers", products, s.brands, customers)
	s.seed(tb.Context(), customers)
	s.tokens = sessions(tb, customers)
	say("starting pg-simulator, commerce-streamer and commerce-api")
	s.start(tb.Context())
	s.client = apiclient.Client{URL: s.api.URL, HTTP: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: connections, MaxIdleConns: connections, DisableCompression: true,
	}}}
	tb.Cleanup(s.client.HTTP.CloseIdleConnections)
	s.awaitRanking(tb.Context())
	return s
}

func (s *shop) seed(ctx context.Context, customers int) {
	s.tb.Helper()
	conn, err := s.db.Pool.Acquire(ctx)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer conn.Release()
	for _, statement := range s.fill(customers, int64(s.day)) {
		if _, err := conn.Exec(ctx, statement); err != nil {
			s.tb.Fatalf("%s: %v", statement, err)
		}
	}
}

func today() clock.Day { return clock.DayOf(time.Now()) }

// start starts the programs. The gateway is healthy until a scenario wants it otherwise.
func (s *shop) start(ctx context.Context) {
	s.tb.Helper()
	gateway := s.service("pg-simulator", "SCENARIO=healthy", "SENDERS=64")
	gateway.Launch(ctx)
	s.gateway = cluster.Gateway{TB: s.tb, URL: gateway.URL}
	s.streamer = s.service("commerce-streamer")
	s.streamer.Launch(ctx)
	s.api = s.service("commerce-api", "AUTH_JWT_SECRET="+secret, "LOG_LEVEL=error", "GATEWAY_URL="+gateway.URL,
		"PAYMENT_RECOVERY_INTERVAL=1s", "PAYMENT_EXPIRY=20s")
	s.api.Env = append(s.api.Env, "PUBLIC_URL="+s.api.URL)
	s.api.Launch(ctx)
}

func (s *shop) service(name string, env ...string) *cluster.Service {
	s.tb.Helper()
	return s.programs.NewService(s.tb, name, name, append(env, s.on.Env...)...)
}

// awaitRanking waits until today's ranking is on the board.
func (s *shop) awaitRanking(ctx context.Context) {
	s.tb.Helper()
	const limit = 2 * time.Minute
	err := cluster.Await(ctx, limit, "today's ranking is ready", func() error {
		var page struct {
			Source string
			Items  []struct{}
		}
		got, err := s.client.Do(ctx, apiclient.DailyRanking(""))
		if err == nil {
			err = got.Decode(&page)
		}
		if err == nil && (page.Source != "board" || len(page.Items) == 0) {
			err = fmt.Errorf("its source is %q", page.Source)
		}
		return err
	})
	if err != nil {
		s.tb.Fatal(err)
	}
}

// userID returns the id of a customer: its digits are the number.
func userID(n int) (v id.ID) {
	_, _ = hex.Decode(v[:], fmt.Appendf(nil, "%032d", n)) // they are digits
	return v
}

// sessions returns a token for each customer. The first one is the admin.
func sessions(tb testing.TB, count int) (tokens []string) {
	tb.Helper()
	signer, err := credentials.NewTokens([]byte(secret))
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	for n := range count {
		role := user.Customer
		if n == 0 {
			role = user.Admin
		}
		token, err := signer.Issue(accounts.Principal{UserID: userID(n + 1), LoginID: "u" + strconv.Itoa(n+1), Role: role}, now, now.Add(24*time.Hour))
		if err != nil {
			tb.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	return tokens
}

// admin sends a request of the admin, which must create something, and decodes the answer.
func (s *shop) admin(ctx context.Context, path string, body, into any) error {
	got, err := s.client.Do(ctx, apiclient.Post("", path, body).WithToken(s.tokens[0]))
	if err == nil && got.Status != http.StatusCreated {
		err = errors.New(got.String())
	}
	if err == nil {
		err = got.Decode(into)
	}
	if err != nil {
		return fmt.Errorf("POST %s: %w", path, err)
	}
	return nil
}

// tail returns the last lines of the output of a command.
func tail(out string) string {
	const lines = 12
	all := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
