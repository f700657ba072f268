package grey_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
	"github.com/loopers-commerce/commerce/internal/test/kit/toxic"
)

var programs cluster.Programs

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &programs)) }

const (
	customers = 20 // and as many who buy the hot product
	products  = 40
	hot       = 1 // the product whose stock somebody holds at times
)

// shop is two of each program, on servers of their own with a proxy in front of each. The
// test itself uses the servers without the proxies.
type shop struct {
	t       *testing.T
	env     []string
	servers map[string]*cluster.Server
	proxies map[string]*toxic.Proxy
	disks   map[string]*cluster.Disk
	second  *cluster.Server // a second broker of Kafka, which does not run yet
	db      *pgtest.DB
	redis   *goredis.Client
	kafka   *kadm.Client

	apis, streamers [2]*cluster.Service
	ahead           atomic.Pointer[cluster.Service] // an API whose clock is wrong; nil: there is none
}

// open starts the servers. The disks that are named are theirs alone.
func open(t *testing.T, disks map[string]bool) *shop {
	t.Helper()
	s := &shop{t: t, servers: map[string]*cluster.Server{}, proxies: map[string]*toxic.Proxy{}, disks: map[string]*cluster.Disk{}}
	ports := map[string][2]string{} // of the proxy, and of the server
	for name, variable := range map[string]string{"postgres": "PG_PORT", "redis": "REDIS_PORT", "kafka": "KAFKA_PORT"} {
		proxied, direct := cluster.FreePort(t), cluster.FreePort(t)
		ports[name] = [2]string{proxied, direct}
		settings := []string{variable + "=" + direct}
		if name == "kafka" { // its clients connect to the address that it advertises
			controller := cluster.FreePort(t)
			settings = append(settings, "KAFKA_CONTROLLER_PORT="+controller, "KAFKA_ADVERTISED_PORT="+proxied, "KAFKA_CLUSTER_ID="+clusterID)
			s.second = cluster.NewServer(t, "kafka", "KAFKA_PORT="+cluster.FreePort(t), "KAFKA_JOIN="+controller, "KAFKA_NODE_ID=2", "KAFKA_CLUSTER_ID="+clusterID)
		}
		s.servers[name] = cluster.NewServer(t, name, settings...)
	}
	for name, p := range ports {
		s.proxies[name] = toxic.New(t, name, "127.0.0.1:"+p[0], "127.0.0.1:"+p[1])
	}
	s.mount(disks)
	cluster.StartServers(t, s.servers["postgres"], s.servers["redis"], s.servers["kafka"])
	database := func(who, port, name string) string {
		return "postgres://" + who + "@127.0.0.1:" + port + "/" + name + "?sslmode=disable"
	}
	if disks[tables] {
		s.moveTables(database("commerce", ports["postgres"][1], "postgres"))
	}
	s.connect(database("commerce", ports["postgres"][1], "commerce"), ports["redis"][1], ports["kafka"][1])
	s.env = []string{
		"DATABASE_URL=" + database("shop", ports["postgres"][0], "commerce"), "KAFKA_BROKERS=127.0.0.1:" + ports["kafka"][0],
		"REDIS_URL=redis://127.0.0.1:" + ports["redis"][0] + "/0",
		"AUTH_JWT_SECRET=" + strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true", "LOG_FORMAT=json",
	}
	return s
}

// connect connects the test itself.
func (s *shop) connect(database, redis, kafka string) {
	s.t.Helper()
	s.db = pgtest.Open(s.t, database)
	s.redis = goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:" + redis})
	s.t.Cleanup(func() { _ = s.redis.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:" + kafka))
	if err != nil {
		s.t.Fatal(err)
	}
	s.kafka = kadm.NewClient(client)
	s.t.Cleanup(client.Close)
}

// start starts the programs, and fills the shop with what the customers need.
func (s *shop) start(ctx context.Context) {
	s.t.Helper()
	if err := s.sql(ctx, `CREATE ROLE shop LOGIN`, `ALTER DATABASE commerce OWNER TO shop`); err != nil { // limits do not bind a superuser
		s.t.Fatal(err)
	}
	s.commerce("migrate")
	for i := range 2 {
		s.apis[i] = programs.NewService(s.t, "commerce-api", "api-"+strconv.Itoa(i+1), s.env...)
		s.apis[i].Launch(ctx)
		s.streamers[i] = programs.NewService(s.t, "commerce-streamer", "streamer-"+strconv.Itoa(i+1), s.env...)
		s.streamers[i].Launch(ctx)
	}
	api := s.apis[0].Client()
	api.Must(s.t, 201, apiclient.SignUp("boss"), nil)
	s.commerce("user", "grant", "boss", "admin")
	api.Must(s.t, 201, apiclient.Post("boss", "/admin/v1/brands", map[string]any{"name": "Loopers"}), nil)
	for n := range products {
		api.Must(s.t, 201, apiclient.Post("boss", "/admin/v1/products",
			map[string]any{"brandId": 1, "name": fmt.Sprint("Mug ", n), "price": 100, "stock": 1_000_000}), nil)
	}
	for n := range 2 * customers {
		api.Must(s.t, 201, apiclient.SignUp(customer(n)), nil)
		api.Must(s.t, 200, apiclient.Charge(customer(n), 10_000_000).WithKey("charge"), nil)
	}
}

func customer(n int) string { return fmt.Sprint("customer", n) }

// commerce runs a command, which must succeed, and returns its output.
func (s *shop) commerce(args ...string) string {
	s.t.Helper()
	return programs.MustRun(s.t, s.env, args...)
}

// sql runs statements one by one.
func (s *shop) sql(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		if _, err := s.db.Pool.Exec(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// api returns the API for the n-th request: one after the other.
func (s *shop) api(n int) *cluster.Service {
	all := []*cluster.Service{s.apis[0], s.apis[1]}
	if wrong := s.ahead.Load(); wrong != nil {
		all = append(all, wrong)
	}
	return all[n%len(all)]
}

// services returns all programs that always run, by name.
func (s *shop) services() map[string]*cluster.Service {
	all := map[string]*cluster.Service{}
	for i := range 2 {
		all[s.apis[i].Name], all[s.streamers[i].Name] = s.apis[i], s.streamers[i]
	}
	return all
}
