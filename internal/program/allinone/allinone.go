// Package allinone runs every program in one process on embedded parts: SQLite
// in a file, a broker that speaks Kafka's protocol and a server that speaks
// that of Redis. The programs run the code they run in production; only what
// they talk to is smaller.
package allinone

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	simulator "github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

// Config is what the shop in one process can be told.
type Config struct {
	config.Web
	config.Management
	config.Auth
	config.Payments
	config.Log

	GatewayPort     config.Port `help:"Port of the simulated payment gateway, and of its /admin." default:"8082"`
	GatewayScenario string      `help:"What the gateway is like: healthy, default, slow, flaky, down or liar. It can be changed while it runs, at its /admin." default:"default" enum:"healthy,default,slow,flaky,down,liar"`

	Data string `help:"Folder that everything is kept in." default:"./data" type:"path"`
	Demo bool   `help:"Fill the shop with a few demo products and customers at the first start." default:"true" negatable:""`
}

// Complaints implements config.Validator.
func (c *Config) Complaints() []error { return c.Beside(c.Web) }

// Serve runs the shop until ctx ends, and prints where things are.
func (c *Config) Serve(ctx context.Context, w wire.Env, stdout io.Writer) error {
	public, err := wire.Listen(ctx, c.Host, c.Port.Get(), "--port")
	if err != nil {
		return err
	}
	defer public.Close()
	management, err := wire.Listen(ctx, c.ManagementHost, c.ManagementPort.Get(), "--management-port")
	if err != nil {
		return err
	}
	defer management.Close()
	gateway, err := wire.Listen(ctx, c.Host, c.GatewayPort.Get(), "--gateway-port")
	if err != nil {
		return err
	}
	defer gateway.Close()
	unlock, err := lock(ctx, c.Data)
	if err != nil {
		return err
	}
	defer unlock()
	w.Instance = "commerce dev" // nobody else can be in this folder
	return c.open(ctx, w, func(ground infra) error {
		service, err := ground.build(c, public, gateway)
		if err != nil {
			return err
		}
		defer service.Close()
		if err := c.welcome(stdout, ground, public, management, gateway); err != nil {
			return err
		}
		return run.All(ctx, w.Log, w.Managed(ctx, management, service).Parts...)
	})
}

// infra is what the programs stand on.
type infra struct {
	wire.Infra

	database  string // addresses, for the commands of the operator
	board     string
	secret    []byte
	callbacks pgwire.Secret // that the gateway signs with
	password  string        // of the admin, at the first start
	seeded    bool
}

// open starts the embedded parts, calls use and stops them again.
func (c *Config) open(ctx context.Context, w wire.Env, use func(infra) error) error {
	brokers, stopBroker, err := broker(filepath.Join(c.Data, "kafka"))
	if err != nil {
		return err
	}
	defer stopBroker()
	address, stopBoard, err := board()
	if err != nil {
		return err
	}
	defer stopBoard()
	client, err := redis.Open(address)
	if err != nil {
		return err
	}
	defer client.Close()
	database := "sqlite:" + filepath.Join(c.Data, "shop.db")
	db, err := w.Store(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close()
	g := infra{database: database, board: address, Infra: wire.Infra{
		Env: w, DB: db, Kafka: w.Kafka(brokers, "", "commerce-dev"), Redis: client,
	}}
	if err := g.prepare(ctx, c); err != nil {
		return err
	}
	return use(g)
}

// prepare brings the database to where the programs can start.
func (g *infra) prepare(ctx context.Context, c *Config) (err error) {
	if _, err = g.DB.Migrate(ctx); err != nil {
		return err
	}
	if g.secret = c.AuthJWTSecret.Get(); len(g.secret) == 0 {
		if g.secret, err = secret(c.Data); err != nil {
			return err
		}
	}
	if g.callbacks = c.GatewaySecret.Get(); !g.callbacks.Set() {
		if g.callbacks, err = pgwire.NewSecret(cryptorand.Reader); err != nil {
			return err
		}
	}
	if done, err := appointed(ctx, g.DB); done || err != nil {
		return err
	}
	if c.Demo {
		g.seeded = true
		if err := furnish(ctx, g.Env, g.DB); err != nil {
			return err
		}
	}
	g.password, err = appoint(ctx, g.Env, g.DB) // last: it marks the first start as done
	return err
}

// build puts the programs together. They stop in this order: no new requests,
// requests in flight, payments, relay, consumers, gateway.
func (g *infra) build(c *Config, public, gateway net.Listener) (_ wire.Service, err error) {
	var made []wire.Service
	closeAll := func() {
		for _, s := range slices.Backward(made) {
			s.Close()
		}
	}
	for _, open := range []func() (wire.Service, error){
		func() (wire.Service, error) { return g.shop(c, public, gateway) },
		func() (wire.Service, error) { return streamer.New(g.Infra) },
		func() (wire.Service, error) { return g.gateway(c, gateway) },
	} {
		s, err := open()
		if err != nil {
			closeAll()
			return wire.Service{}, err
		}
		made = append(made, s)
	}
	all := wire.Service{Checks: made[0].Checks, Close: closeAll}
	for _, s := range made {
		all.Parts = append(all.Parts, s.Parts...)
	}
	return all, nil
}

// shop is commerce-api. It looks after payments more often than it would in
// production: a developer does not wait for minutes.
func (g *infra) shop(c *Config, public, gateway net.Listener) (wire.Service, error) {
	desk, err := g.Accounts(g.DB, g.secret, c.AuthSessionTTL.Get())
	if err != nil {
		return wire.Service{}, err
	}
	return api.New(api.Deps{
		Infra: g.Infra, Accounts: desk, Listener: public,
		Gateway: wire.Gateway{URL: "http://" + gateway.Addr().String(), PublicURL: "http://" + public.Addr().String()},
		Secret:  g.callbacks, Policy: c.Policy(),
		Rules: api.Rules{TrustUserHeader: c.AuthTrustUserHeader, RequestTimeout: c.RequestTimeout.Get()},
	})
}

// gateway is pg-simulator, which keeps its transactions beside the shop's.
func (g *infra) gateway(c *Config, l net.Listener) (wire.Service, error) {
	faults, _ := simulator.Scenario(c.GatewayScenario) // an enum: there is one
	s, err := simulator.New(simulator.Options{
		Faults: faults, Seed: rand.Uint64(), Journal: filepath.Join(c.Data, "gateway.jsonl"), Secret: g.callbacks, //nolint:gosec // luck
		Registerer: g.Registry, Clock: g.Clock, Log: g.Log,
	})
	if err != nil {
		return wire.Service{}, err
	}
	return wire.Service{Parts: pgsim.Parts(s, l), Close: func() {}}, nil // it is closed when its parts have stopped
}

// welcome says where things are.
func (c *Config) welcome(w io.Writer, g infra, public, management, gateway net.Listener) error {
	base := "http://" + public.Addr().String()
	lines := [][2]string{
		{"API", base + "/api/v1"}, {"docs", base + "/docs"},
		{"management", "http://" + management.Addr().String() + "/readyz"},
		{"gateway", "http://" + gateway.Addr().String() + "/admin/totals"}, {"data", c.Data},
		{"for commands", "export DATABASE_URL=" + g.database + " REDIS_URL=" + g.board + " KAFKA_BROKERS=" + strings.Join(g.Kafka.Brokers, ",") +
			" GATEWAY_URL=http://" + gateway.Addr().String()},
	}
	if g.seeded {
		lines = append(lines, [2]string{"customers", "ann, bob, cho: send X-USER-ID: ann"})
	}
	if g.password != "" {
		lines = append(lines, [2]string{"admin", "loginId admin, password " + g.password + " (shown this once)"})
	}
	text := "The shop is open.\n"
	for _, l := range lines {
		text += fmt.Sprintf("  %-14s%s\n", l[0], l[1])
	}
	_, err := io.WriteString(w, text)
	return err
}
