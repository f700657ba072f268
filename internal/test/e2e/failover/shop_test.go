package failover_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

var programs cluster.Programs

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &programs)) }

// patience bounds a wait for what should take milliseconds, or seconds after a fault.
const patience = 30 * time.Second

// shop is a shop on a PostgreSQL server of its own.
type shop struct {
	*testing.T

	server    *cluster.Server
	port      string
	env       []string
	db        *pgtest.DB
	api       *cluster.Service
	customers []string
	products  []int64
}

// openServer starts a server and makes the tables.
func openServer(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, port: cluster.FreePort(t)}
	s.server = cluster.NewServer(t, "postgres", "PG_PORT="+s.port)
	cluster.StartServers(t, s.server)
	s.env = cluster.SharedServers(t).Env
	s.env = append(s.env,
		"AUTH_JWT_SECRET="+strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true", "DATABASE_URL="+s.url(s.port))
	s.db = pgtest.Open(t, s.url(s.port))
	programs.MustRun(t, s.env, "migrate")
	programs.MustRun(t, s.env, "seed", "--demo")
	for _, pid := range pgtest.Rows[struct{ ID int64 }](t.Context(), s.db, `
		SELECT p.id FROM products p JOIN stocks s ON s.product_id = p.id WHERE s.quantity >= 60 ORDER BY p.price, p.id LIMIT 5`) {
		s.products = append(s.products, pid.ID)
	}
	return s
}

func (*shop) url(ports ...string) string {
	return "postgres://commerce@127.0.0.1:" + strings.Join(ports, ",127.0.0.1:") + "/commerce?sslmode=disable"
}

// start starts an API and a streamer, with more settings.
func (s *shop) start(env ...string) {
	s.Helper()
	s.api = programs.NewService(s.T, "commerce-api", "api", append(s.env, env...)...)
	s.api.Launch(s.Context())
	programs.NewService(s.T, "commerce-streamer", "streamer", append(s.env, env...)...).Launch(s.Context())
}

// admit signs customers up and gives them points.
func (s *shop) admit(n int) {
	s.Helper()
	for i := range n {
		login := fmt.Sprintf("customer%d", i)
		s.api.Client().Must(s.T, http.StatusCreated, apiclient.SignUp(login), nil)
		s.api.Client().Must(s.T, http.StatusOK, apiclient.Charge(login, 10_000_000), nil)
		s.customers = append(s.customers, login)
	}
}

// ready returns an error unless the API says that it is ready.
func (s *shop) ready() error {
	_, err := cluster.Page(s.Context(), s.api.ManagementURL+"/readyz")
	return err
}

func (s *shop) awaitReady() {
	s.Helper()
	cluster.Eventually(s.T, patience, "the API is ready", s.ready)
}

func (s *shop) awaitNotReady() {
	s.Helper()
	cluster.Eventually(s.T, patience, "the API says that it is not ready", func() error {
		if s.ready() == nil {
			return errors.New("it is ready")
		}
		return nil
	})
}

// together sends one request for each of n at the same time.
func (s *shop) together(n int, request func(i int) apiclient.Request) []apiclient.Response {
	s.Helper()
	answers := make([]apiclient.Response, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			var err error
			if answers[i], err = s.api.Client().DoPatiently(s.Context(), request(i)); err != nil {
				s.Error(err)
			}
		})
	}
	all.Wait()
	return answers
}

// within sends a request that must be answered with a status while something else is sick.
func (s *shop) within(status int, q apiclient.Request) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	if got, err := s.api.Client().Do(ctx, q); err != nil || got.Status != status {
		s.Errorf("%s %s = %v, %v; want %d", q.Method, q.Path, got, err, status)
	}
}

// verify compares the books with the events, which it waits for.
func (s *shop) verify(env ...string) {
	s.Helper()
	programs.MustRun(s.T, append(s.env, env...), "verify", "--wait", "60s")
}

// crowd sends requests, so many at a time, which must all be served.
func (s *shop) crowd(n, atOnce int, request func(i int) apiclient.Request) {
	s.Helper()
	for from := 0; from < n; from += atOnce {
		for i, got := range s.together(min(atOnce, n-from), func(i int) apiclient.Request { return request(from + i) }) {
			if !got.OK() {
				s.Errorf("request %d = %v", from+i, got)
			}
		}
	}
}
