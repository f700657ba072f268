package cards_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// terms are what a shop is opened on.
type terms struct {
	scenario string         // of the gateway
	lies     map[string]any // faults beside those of the scenario
	expiry   time.Duration
	signed   bool       // callbacks are
	held     *rand.Rand // draws which requests to the gateway are held up; nil: none
	// public is where the gateway finds an API, if not at its door.
	public func(door string) string
}

// secret signs callbacks, where they are signed.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// server is a program that can be asked.
type server struct {
	*cluster.Program

	door, management string
}

// gateway is a server whose books can be read, and whose faults changed.
type gateway struct {
	*server
	cluster.Gateway
}

// shop is two APIs and a streamer on the real servers, and a gateway.
type shop struct {
	terms

	t        *testing.T
	env      []string
	brokers  []string
	prefix   string // of topics and groups
	database *pgx.Conn
	apis     [2]*server
	streamer *server
	gateway  gateway
	journal  string // of the gateway
	road     *road  // from the APIs to the gateway; nil: the direct one
}

func open(t *testing.T, on terms) *shop {
	t.Helper()
	s := &shop{terms: on, t: t, journal: filepath.Join(t.TempDir(), "gateway.jsonl")}
	address, board := storetest.Schema(t), redistest.Real(t, time.Now)
	s.brokers, s.prefix = kafkatest.Real(t)
	s.env = []string{
		"DATABASE_URL=" + address, "KAFKA_BROKERS=" + strings.Join(s.brokers, ","), "KAFKA_TOPIC_PREFIX=" + s.prefix,
		"REDIS_URL=" + os.Getenv("TEST_REDIS_URL"), "REDIS_KEY_PREFIX=" + board.Prefix, "LOG_LEVEL=debug",
	}
	var err error
	if s.database, err = pgx.Connect(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.database.Close(context.WithoutCancel(t.Context())) })
	s.commerce("migrate")
	s.openGateway()
	s.openAPIs()
	s.streamer = s.program("commerce-streamer", "streamer")
	s.streamer.Keep(t.Context())
	return s
}

// program returns one that is to be started, with ports of its own.
func (s *shop) program(name, instance string, env ...string) *server {
	s.t.Helper()
	port, management := cluster.FreePort(s.t), cluster.FreePort(s.t)
	at := "http://127.0.0.1:"
	return &server{door: at + port, management: at + management, Program: &cluster.Program{
		TB: s.t, Name: instance, Path: filepath.Join(bin, name), Probe: at + management + "/healthz",
		Env: append(append([]string{"HOST=127.0.0.1", "PORT=" + port, "MANAGEMENT_PORT=" + management}, s.env...), env...),
	}}
}

func (s *shop) openGateway() {
	s.t.Helper()
	s.gateway.server = s.program("pg-simulator", "gateway", "SCENARIO="+s.scenario, "DATA="+s.journal)
	s.gateway.Gateway = cluster.Gateway{TB: s.t, Door: s.gateway.door}
	if s.signed {
		s.gateway.Env = append(s.gateway.Env, "SECRET="+secret)
	}
	s.gateway.Keep(s.t.Context())
	s.gateway.Change(s.t.Context(), s.lies)
}

// openAPIs starts both. The gateway calls back at the other one: what a process
// knows of an order that it took itself must not matter.
func (s *shop) openAPIs() {
	s.t.Helper()
	gateway := s.gateway.door
	if s.held != nil {
		s.road, gateway = pave(s.t, s.held, gateway)
	}
	for i := range s.apis {
		s.apis[i] = s.program("commerce-api", "api-"+strconv.Itoa(i+1), "GATEWAY_URL="+gateway, "PAYMENT_EXPIRY="+s.expiry.String(),
			"PAYMENT_RECOVERY_INTERVAL=1s", "AUTH_JWT_SECRET="+strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true")
		if s.signed {
			s.apis[i].Env = append(s.apis[i].Env, "GATEWAY_SECRET="+secret)
		}
	}
	for i, a := range s.apis {
		public := s.apis[1-i].door
		if s.public != nil {
			public = s.public(public)
		}
		a.Env = append(a.Env, "PUBLIC_URL="+public)
		a.Keep(s.t.Context())
	}
}

// commerce runs a command, which must succeed, and returns what it printed.
func (s *shop) commerce(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(bin, "commerce"), args...)
	cmd.Env = append([]string{"HOME=" + s.t.TempDir()}, s.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("commerce %s: %v\n%.4000s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *shop) everybody() []*server {
	return []*server{s.apis[0], s.apis[1], s.streamer, s.gateway.server}
}

// metric reads one number off the metrics, 0 if it is not there.
func (a *server) metric(ctx context.Context, name string) float64 {
	a.TB.Helper()
	page, err := cluster.Page(ctx, a.management+"/metrics")
	if err != nil {
		a.TB.Fatal(err)
	}
	_, rest, ok := strings.Cut(page, "\n"+name+" ")
	if !ok {
		return 0
	}
	text, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		a.TB.Fatal(err)
	}
	return n
}

// strings reads one column.
func (s *shop) strings(ctx context.Context, query string) []string {
	s.t.Helper()
	rows, err := s.database.Query(ctx, query)
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// told is what a run came to, for the reader.
func (s *shop) told(ctx context.Context) string {
	s.t.Helper()
	asked, charged := map[string]int{}, map[string]int{}
	var took, gave int64
	all := s.gateway.Transactions(ctx, "")
	for _, t := range all {
		asked[t.OrderID]++
		took, gave = took+t.Charged, gave+t.Refunded
		if t.Charged > 0 {
			charged[t.OrderID]++
		}
	}
	once := func(_ string, n int) bool { return n < 2 }
	maps.DeleteFunc(asked, once)
	maps.DeleteFunc(charged, once)
	longest := s.strings(ctx, `SELECT round(max(ended_us - created_us) / 1e6, 1)::text FROM payments`)
	return fmt.Sprintf("the gateway has %d transactions, more than one of %d orders and charged more than once for %d; it charged %d won, gave %d back and kept %d; "+
		"the longest payment took %s s", len(all), len(asked), len(charged), took, gave, took-gave, longest[0])
}
