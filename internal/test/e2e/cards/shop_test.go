package cards_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// options say what a shop is like.
type options struct {
	scenario string         // of the gateway
	faults   map[string]any // besides those of the scenario
	expiry   time.Duration
	signed   bool       // callbacks are
	delays   *rand.Rand // draws which requests to the gateway are delayed; nil: none
	// callbackURL is where the gateway calls an API back; nil: at its own URL.
	callbackURL func(api string) string
}

// secret signs callbacks, where they are signed.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// shop is two APIs and a streamer on the shared servers, and a gateway.
type shop struct {
	options

	t        *testing.T
	on       cluster.Infra
	db       *pgtest.DB
	apis     [2]*cluster.Service
	streamer *cluster.Service
	gateway  gateway
	journal  string // of the gateway
	proxy    *proxy // from the APIs to the gateway; nil: none
}

type gateway struct {
	*cluster.Service
	cluster.Gateway
}

func open(t *testing.T, o options) *shop {
	t.Helper()
	s := &shop{options: o, t: t, on: cluster.SharedServers(t), journal: filepath.Join(t.TempDir(), "gateway.jsonl")}
	s.on.Env = append(s.on.Env, "LOG_LEVEL=debug")
	s.db = pgtest.Open(t, s.on.DatabaseURL)
	s.commerce("migrate")
	s.startGateway()
	s.startAPIs()
	s.streamer = s.service("commerce-streamer", "streamer")
	s.streamer.Launch(t.Context())
	return s
}

func (s *shop) service(name, instance string, env ...string) *cluster.Service {
	s.t.Helper()
	return programs.NewService(s.t, name, instance, append(env, s.on.Env...)...)
}

func (s *shop) startGateway() {
	s.t.Helper()
	s.gateway.Service = s.service("pg-simulator", "gateway", "SCENARIO="+s.scenario, "DATA="+s.journal)
	s.gateway.Gateway = cluster.Gateway{TB: s.t, URL: s.gateway.Service.URL}
	if s.signed {
		s.gateway.Env = append(s.gateway.Env, "SECRET="+secret)
	}
	s.gateway.Launch(s.t.Context())
	s.gateway.SetFaults(s.t.Context(), s.faults)
}

// startAPIs starts both. The gateway calls each one back at the other: it must not
// matter which process has taken the order.
func (s *shop) startAPIs() {
	s.t.Helper()
	url := s.gateway.Gateway.URL
	if s.delays != nil {
		s.proxy, url = startProxy(s.t, s.delays, url)
	}
	for i := range s.apis {
		s.apis[i] = s.service("commerce-api", "api-"+strconv.Itoa(i+1), "GATEWAY_URL="+url, "PAYMENT_EXPIRY="+s.expiry.String(),
			"PAYMENT_RECOVERY_INTERVAL=1s", "AUTH_JWT_SECRET="+strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true")
		if s.signed {
			s.apis[i].Env = append(s.apis[i].Env, "GATEWAY_SECRET="+secret)
		}
	}
	for i, a := range s.apis {
		public := s.apis[1-i].URL
		if s.callbackURL != nil {
			public = s.callbackURL(public)
		}
		a.Env = append(a.Env, "PUBLIC_URL="+public)
		a.Launch(s.t.Context())
	}
}

// commerce runs a command, which must succeed, and returns its output.
func (s *shop) commerce(args ...string) string {
	s.t.Helper()
	return programs.MustRun(s.t, s.on.Env, args...)
}

func (s *shop) services() []*cluster.Service {
	return []*cluster.Service{s.apis[0], s.apis[1], s.streamer, s.gateway.Service}
}

// summary says what the gateway has done.
func (s *shop) summary(ctx context.Context) string {
	s.t.Helper()
	requested, charged := map[string]int{}, map[string]int{}
	var won, refunded int64
	all := s.gateway.Transactions(ctx, "")
	for _, t := range all {
		requested[t.OrderID]++
		won, refunded = won+t.Charged, refunded+t.Refunded
		if t.Charged > 0 {
			charged[t.OrderID]++
		}
	}
	once := func(_ string, n int) bool { return n < 2 }
	maps.DeleteFunc(requested, once)
	maps.DeleteFunc(charged, once)
	longest := s.db.Column(ctx, `SELECT round(max(ended_us - created_us) / 1e6, 1)::text FROM payments`)
	return fmt.Sprintf("the gateway has %d transactions, several of %d orders, and has charged %d orders several times; it charged %d won, refunded %d and kept %d; "+
		"the longest payment took %s s", len(all), len(requested), len(charged), won, refunded, won-refunded, longest[0])
}
