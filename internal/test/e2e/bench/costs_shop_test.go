package bench_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/credentials"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/limits"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// costAdmin is a user who may do everything.
const costAdmin = "costadmin"

// costShop is one of each program on servers of their own, each a process whose costs can
// be read.
type costShop struct {
	db       *pgtest.DB
	offsets  *kadm.Client
	env      []string
	programs cluster.Programs
	pids     map[string]int // by part
	topics   string         // the folder of Kafka
	client   apiclient.Client
	ids      id.Source
	tokens   []string // of customers, by number; the first is of nobody
	admin    string   // the token of an admin
}

func openCostShop(b *testing.B) *costShop {
	b.Helper()
	s := &costShop{pids: map[string]int{}, ids: id.NewSource(time.Now, rand.Reader)}
	s.startServers(b)
	s.programs.MustRun(b, s.env, "migrate")
	s.startPrograms(b)
	s.fill(b)
	s.sign(b)
	return s
}

func (s *costShop) startServers(b *testing.B) {
	b.Helper()
	pg, redis, kafka, controller := cluster.FreePort(b), cluster.FreePort(b), cluster.FreePort(b), cluster.FreePort(b)
	servers := map[string]*cluster.Server{
		"postgres": cluster.NewServer(b, "postgres", "PG_PORT="+pg),
		"redis":    cluster.NewServer(b, "redis", "REDIS_PORT="+redis),
		"kafka":    cluster.NewServer(b, "kafka", "KAFKA_PORT="+kafka, "KAFKA_CONTROLLER_PORT="+controller),
	}
	cluster.StartServers(b, servers["postgres"], servers["redis"], servers["kafka"])
	for name, server := range servers {
		s.pids[name], _ = server.Process()
	}
	_, home := servers["kafka"].Process()
	s.topics = filepath.Join(home, "data")
	url := "postgres://commerce@127.0.0.1:" + pg + "/commerce?sslmode=disable"
	s.env = []string{
		"DATABASE_URL=" + url, "KAFKA_BROKERS=127.0.0.1:" + kafka, "REDIS_URL=redis://127.0.0.1:" + redis + "/0",
		"AUTH_JWT_SECRET=" + strings.Repeat("k", 32), "LOG_LEVEL=warn",
	}
	s.db = pgtest.Open(b, url)
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:" + kafka))
	if err != nil {
		b.Fatal(err)
	}
	s.offsets = kadm.NewClient(client)
	b.Cleanup(s.offsets.Close)
}

func (s *costShop) startPrograms(b *testing.B) {
	b.Helper()
	start := func(part, name string, env ...string) *cluster.Service {
		p := s.programs.NewService(b, name, part, append(env, s.env...)...)
		p.Launch(b.Context())
		s.pids[part] = p.PID()
		return p
	}
	g := start("gateway", "pg-simulator", "SCENARIO=healthy", "DATA="+filepath.Join(b.TempDir(), "gateway.jsonl"))
	api := s.programs.NewService(b, "commerce-api", "api", append(s.env, "GATEWAY_URL="+g.URL, "ADMISSION_PATIENCE=9s")...) // nothing is refused
	api.Env = append(api.Env, "PUBLIC_URL="+api.URL)
	api.Launch(b.Context())
	s.pids["api"] = api.PID()
	start("streamer", "commerce-streamer")
	s.client = apiclient.Client{URL: api.URL, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: costClients}}}
	b.Cleanup(s.client.HTTP.CloseIdleConnections)
}

// fill makes the same shop as that of the orders, with a ranking of some products.
func (s *costShop) fill(b *testing.B) {
	b.Helper()
	s.exec(b, limits.OrderShop{Buyers: userCount, Products: productCount}.Fill())
	s.must(b, http.StatusCreated, apiclient.SignUp(costAdmin), nil)
	s.programs.MustRun(b, s.env, "user", "grant", costAdmin, "admin")
	for product := range 100 {
		s.must(b, http.StatusOK, apiclient.View("", int64(product+1)), nil)
	}
	s.settle(b)
	s.exec(b, `VACUUM ANALYZE`)
}

func (s *costShop) exec(b *testing.B, sql string) {
	b.Helper()
	if _, err := s.db.Pool.Exec(b.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		b.Fatal(err)
	}
}

// sign makes a token for each user.
func (s *costShop) sign(b *testing.B) {
	b.Helper()
	var session apiclient.Session
	s.must(b, http.StatusCreated, apiclient.LogIn(costAdmin, apiclient.Password), &session)
	s.admin = session.Token
	signer, err := credentials.NewTokens([]byte(strings.Repeat("k", 32)))
	if err != nil {
		b.Fatal(err)
	}
	for n := range userCount + 1 {
		now := time.Now()
		p := accounts.Principal{UserID: userID(n), LoginID: fmt.Sprintf("u%d", n), Role: user.Customer}
		token, err := signer.Issue(p, now, now.Add(time.Hour))
		if err != nil {
			b.Fatal(err)
		}
		s.tokens = append(s.tokens, token)
	}
}

// settle returns when nothing is left to do: no event waits, each group has read all, and
// each card is charged.
func (s *costShop) settle(b *testing.B) {
	b.Helper()
	cluster.Eventually(b, time.Minute, "the shop is at rest", func() error {
		const busy = `SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM payments WHERE status = 'PENDING')`
		if n := s.db.Count(b.Context(), busy); n > 0 {
			return fmt.Errorf("%d events and payments wait", n)
		}
		return kafkatest.AllCaughtUp(b.Context(), s.offsets, "")
	})
}

// do sends a request and checks the status of its answer.
func (s *costShop) do(ctx context.Context, want int, q apiclient.Request) error {
	return s.into(ctx, want, q, nil)
}

// into decodes the answer into v, too, unless v is nil.
func (s *costShop) into(ctx context.Context, want int, q apiclient.Request, v any) error {
	got, err := s.client.Do(ctx, q)
	if err == nil && got.Status != want {
		err = fmt.Errorf("%s %s = %v", q.Method, q.Path, got)
	}
	if err == nil && v != nil {
		err = got.Decode(v)
	}
	return err
}

func (s *costShop) must(b *testing.B, want int, q apiclient.Request, v any) {
	b.Helper()
	s.client.Must(b, want, q, v)
}
