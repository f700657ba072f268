package crash_test

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/faults"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

const (
	// expiry is how long a card order may be pending.
	expiry = 20 * time.Second
	// expiryTolerance is how much later it may end: the program that recovers
	// payments was frozen with the lease (10 s, then 5 s), one request to a gateway
	// that hangs (6 s), others that wait for theirs, and a busy machine.
	expiryTolerance = 40 * time.Second
	// settleTimeout is for the watch of payments that have ended.
	settleTimeout = 3 * time.Minute

	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// shop is two of each program, and a gateway, on servers of their own.
type shop struct {
	t        *testing.T
	env      []string
	brokers  []string
	db       *pgtest.DB
	apis     [2]*cluster.Service
	gateway  cluster.Gateway
	services []*cluster.Service
	targets  map[string]*faults.Target
	logins   map[string]string // by id of the user
}

// open starts the servers.
func open(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, targets: map[string]*faults.Target{}}
	pg, redis, kafka, controller := cluster.FreePort(t), cluster.FreePort(t), cluster.FreePort(t), cluster.FreePort(t)
	servers := map[string]*cluster.Server{
		"postgres": cluster.NewServer(t, "postgres", "PG_PORT="+pg),
		"redis":    cluster.NewServer(t, "redis", "REDIS_PORT="+redis),
		"kafka":    cluster.NewServer(t, "kafka", "KAFKA_PORT="+kafka, "KAFKA_CONTROLLER_PORT="+controller),
	}
	cluster.StartServers(t, servers["postgres"], servers["redis"], servers["kafka"])
	for name, server := range servers {
		s.targets[name] = &faults.Target{Process: server}
	}
	s.brokers = []string{"127.0.0.1:" + kafka}
	url := "postgres://commerce@127.0.0.1:" + pg + "/commerce?sslmode=disable"
	s.db = pgtest.Open(t, url)
	s.env = []string{
		"DATABASE_URL=" + url, "KAFKA_BROKERS=" + s.brokers[0], "REDIS_URL=redis://127.0.0.1:" + redis + "/0",
		"AUTH_JWT_SECRET=" + strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true", "LOG_FORMAT=json",
	}
	return s
}

// commerce runs a command, which must succeed, and returns its output.
func (s *shop) commerce(args ...string) string {
	s.t.Helper()
	return programs.MustRun(s.t, s.env, args...)
}

// start starts the gateway, and two of each program.
func (s *shop) start(ctx context.Context) {
	s.t.Helper()
	s.startGateway(ctx)
	for i := range s.apis {
		s.apis[i] = s.service("commerce-api", "api-"+strconv.Itoa(i+1))
		s.apis[i].Env = append(s.apis[i].Env, "PUBLIC_URL="+s.apis[i].URL)
		s.apis[i].Launch(ctx)
	}
	for i := range 2 {
		s.service("commerce-streamer", "streamer-"+strconv.Itoa(i+1)).Launch(ctx)
	}
}

// service returns a program that is to be started, and killed.
func (s *shop) service(name, instance string, env ...string) *cluster.Service {
	s.t.Helper()
	p := programs.NewService(s.t, name, instance, append(env, s.env...)...)
	s.services = append(s.services, p)
	s.targets[instance] = &faults.Target{Process: p.Program}
	return p
}

// startGateway starts a gateway that loses answers, hangs and sends false callbacks.
func (s *shop) startGateway(ctx context.Context) {
	s.t.Helper()
	g := s.service("pg-simulator", "gateway", "SECRET="+secret, "DATA="+filepath.Join(s.t.TempDir(), "gateway.jsonl"),
		"SCENARIO=flaky", "HANG_LIMIT=20s", "CALLBACK_LATE_MAX=10s", "IGNORE_IDEMPOTENCY_KEY=true",
		"CALLBACK_WRONG_AMOUNT_RATE=0.1", "CALLBACK_WRONG_STATUS_RATE=0.1", "CALLBACK_UNKNOWN_KEY_RATE=0.1", "CALLBACK_FORGE_RATE=0.1")
	g.Launch(ctx)
	s.gateway = cluster.Gateway{TB: s.t, URL: g.URL}
	s.env = append(s.env, "GATEWAY_URL="+g.URL, "GATEWAY_SECRET="+secret,
		"PAYMENT_EXPIRY="+expiry.String(), "PAYMENT_RECOVERY_INTERVAL=1s")
}

// offer is a kind of coupon, of which there is one for every customer.
type offer struct {
	ID, Type           string
	Value, MaxDiscount int64
}

// discount returns what a coupon of the offer takes off an amount.
func (o *offer) discount(amount int64) int64 {
	discount := o.Value
	if o.Type == "PERCENT" {
		discount = min(amount*o.Value/100, o.MaxDiscount)
	}
	return min(discount, amount)
}

// createOffers creates some offers.
func (s *shop) createOffers() (all []*offer) {
	s.t.Helper()
	const admin = "admin"
	api := s.apis[0].Client()
	api.Must(s.t, 201, apiclient.SignUp(admin), nil)
	s.commerce("user", "grant", admin, "admin")
	for _, o := range []offer{
		{Type: "FIXED", Value: 3_000}, {Type: "PERCENT", Value: 13, MaxDiscount: 5_000},
		{Type: "FIXED", Value: 100}, {Type: "PERCENT", Value: 50, MaxDiscount: 20_000},
	} {
		body := map[string]any{"type": o.Type, "value": o.Value, "name": "Offer", "quantity": 100_000, "validDays": 1}
		if o.MaxDiscount > 0 {
			body["maxDiscount"] = o.MaxDiscount
		}
		api.Must(s.t, 201, apiclient.Post(admin, "/admin/v1/coupons", body), &o)
		all = append(all, &o)
	}
	return all
}

// catalogue reads what the shop sells.
func (s *shop) catalogue(ctx context.Context) catalogue {
	s.t.Helper()
	all := catalogue{}
	type row struct {
		SKU       string
		ID, Price int64
	}
	for _, r := range pgtest.Rows[row](ctx, s.db, `SELECT sku, id, price FROM products`) {
		all[r.SKU] = product{r.ID, r.Price}
	}
	if len(all) == 0 {
		s.t.Fatal("the shop has no products")
	}
	return all
}
