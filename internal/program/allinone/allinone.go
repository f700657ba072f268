// Package allinone runs every program in one process on embedded parts: SQLite
// in a file, a broker that speaks Kafka's protocol and a server that speaks
// that of Redis. The programs run the code they run in production; only what
// they talk to is smaller.
package allinone

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/config"
	"github.com/loopers-commerce/commerce/internal/program/parts"
	"github.com/loopers-commerce/commerce/internal/program/run"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

// Config is what the shop in one process can be told.
type Config struct {
	config.Web
	config.Management
	config.Auth
	config.Log

	Data string `help:"Folder that everything is kept in." default:"./data" type:"path"`
	Demo bool   `help:"Fill the shop with a few demo products and customers at the first start." default:"true" negatable:""`
}

// Complaints implements config.Validator.
func (c *Config) Complaints() []error { return c.Beside(c.Web) }

// Serve runs the shop until ctx ends, and prints where things are.
func (c *Config) Serve(ctx context.Context, w parts.World, stdout io.Writer) error {
	public, err := parts.Listen(ctx, c.Host, c.Port.Get(), "--port")
	if err != nil {
		return err
	}
	defer public.Close()
	management, err := parts.Listen(ctx, c.ManagementHost, c.ManagementPort.Get(), "--management-port")
	if err != nil {
		return err
	}
	defer management.Close()
	unlock, err := lock(ctx, c.Data)
	if err != nil {
		return err
	}
	defer unlock()
	w.Instance = "commerce dev" // nobody else can be in this folder
	return c.open(ctx, w, func(ground ground) error {
		service, err := ground.build(c, public)
		if err != nil {
			return err
		}
		defer service.Close()
		if err := c.welcome(stdout, ground, public, management); err != nil {
			return err
		}
		return run.All(ctx, w.Log, w.Managed(ctx, management, service).Parts...)
	})
}

// ground is what the programs stand on.
type ground struct {
	parts.Ground

	database string // addresses, for the commands of the operator
	board    string
	secret   []byte
	password string // of the admin, at the first start
	seeded   bool
}

// open starts the embedded parts, calls use and stops them again.
func (c *Config) open(ctx context.Context, w parts.World, use func(ground) error) error {
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
	g := ground{database: database, board: address, Ground: parts.Ground{
		World: w, DB: db, Kafka: w.Kafka(brokers, "", "commerce-dev"), Redis: client,
	}}
	if err := g.prepare(ctx, c); err != nil {
		return err
	}
	return use(g)
}

// prepare brings the database to where the programs can start.
func (g *ground) prepare(ctx context.Context, c *Config) (err error) {
	if _, err = g.DB.Migrate(ctx); err != nil {
		return err
	}
	if g.secret = c.AuthJWTSecret.Get(); len(g.secret) == 0 {
		if g.secret, err = secret(c.Data); err != nil {
			return err
		}
	}
	if done, err := appointed(ctx, g.DB); done || err != nil {
		return err
	}
	if c.Demo {
		g.seeded = true
		if err := furnish(ctx, g.World, g.DB); err != nil {
			return err
		}
	}
	g.password, err = appoint(ctx, g.World, g.DB) // last: it marks the first start as done
	return err
}

// build puts the programs together. They stop in this order: no new requests,
// requests in flight, relay, consumers.
func (g *ground) build(c *Config, public net.Listener) (parts.Service, error) {
	desk, err := g.Accounts(g.DB, g.secret, c.AuthSessionTTL.Get())
	if err != nil {
		return parts.Service{}, err
	}
	shop, err := api.New(api.Uses{
		Ground: g.Ground, Accounts: desk, Listener: public,
		Rules: api.Rules{TrustUserHeader: c.AuthTrustUserHeader, RequestTimeout: c.RequestTimeout.Get()},
	})
	if err != nil {
		return parts.Service{}, err
	}
	stream, err := streamer.New(g.Ground)
	if err != nil {
		shop.Close()
		return parts.Service{}, err
	}
	return parts.Service{
		Parts:  append(shop.Parts, stream.Parts...),
		Checks: shop.Checks,
		Close:  func() { stream.Close(); shop.Close() },
	}, nil
}

// welcome says where things are.
func (c *Config) welcome(w io.Writer, g ground, public, management net.Listener) error {
	base := "http://" + public.Addr().String()
	lines := [][2]string{
		{"API", base + "/api/v1"}, {"docs", base + "/docs"},
		{"management", "http://" + management.Addr().String() + "/readyz"}, {"data", c.Data},
		{"for commands", "export DATABASE_URL=" + g.database + " REDIS_URL=" + g.board + " KAFKA_BROKERS=" + strings.Join(g.Kafka.Brokers, ",")},
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
