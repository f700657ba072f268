// Package api is the program commerce-api: the shop over HTTP, card payments, and
// the relay of its events to Kafka.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Config is the configuration of the program.
type Config struct {
	config.Web
	config.Admission
	config.Auth
	config.Gateway
	config.Payments
	config.Server
}

// Check implements config.Checker.
func (c *Config) Check() []error {
	var found []error
	if len(c.AuthJWTSecret.Get()) == 0 {
		found = append(found, errors.New("--auth-jwt-secret (AUTH_JWT_SECRET): is missing: give 32 random bytes or more, "+
			"the same to every instance, for example the output of: openssl rand -base64 32"))
	}
	return slices.Concat(found, c.CheckPorts(c.Web), c.CheckGateway(c.Web), c.CheckAdmission(c.Web))
}

func about() config.About {
	return config.About{
		Name: "commerce-api",
		Description: "The shop over HTTP: catalog, likes, points, orders, card payments and rankings. It also relays the shop's events to Kafka. " +
			"Every flag can be set by the environment variable in brackets.",
		Vars: kong.Vars{"management_port": "8081"},
	}
}

// Main runs the program and returns its exit code.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	return MainIn(wire.NewEnv, args, getenv, stdout, stderr)
}

// MainIn is Main in an environment that is made with a log.
func MainIn(newEnv func(*slog.Logger) wire.Env, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var c Config
	_, err := config.Read(&c, about(), args, getenv, stdout, stderr)
	if code, ok := run.ConfigExitCode(err, stderr); !ok {
		return code
	}
	log := c.Logger(stderr)
	ctx, stop := run.Signals(log)
	defer stop()
	return run.ExitCode(wire.Serve(ctx, newEnv(log), about(), &c.Server, c.build), stderr)
}

func (c *Config) build(ctx context.Context, infra wire.Infra) (wire.Program, error) {
	accounts, err := infra.Env.Accounts(infra.DB, c.AuthJWTSecret.Get(), c.AuthSessionTTL.Get())
	if err != nil {
		return wire.Program{}, err
	}
	public, err := wire.Listen(ctx, c.Host, c.Port.Get(), "PORT")
	if err != nil {
		return wire.Program{}, err
	}
	infra.Env.Log.Info("serving the API", "address", fmt.Sprintf("http://%s", public.Addr()))
	return New(Deps{
		Infra: infra, Accounts: accounts, Listener: public,
		Gateway: wire.Gateway{URL: c.GatewayURL.Get(), PublicURL: c.PublicURL.Get(), ClientConfig: c.ClientConfig(), CallerTimeout: c.CallerTimeout()},
		Secret:  c.GatewaySecret.Get(), Policy: c.Policy(),
		Rules: Rules{
			TrustUserHeader: c.AuthTrustUserHeader, RequireIdempotencyKey: true, RequestTimeout: c.RequestTimeout.Get(), NearBytes: c.NearBytes(),
			Admission: c.Limits(), DailyKeys: int(c.IdempotencyKeysPerDay), Origins: c.CORSOrigins.Get(),
		},
	})
}
