// Package allinone runs all programs in one process on embedded servers: SQLite in
// a file, a broker that speaks Kafka's protocol and a server that speaks that of
// Redis. The programs run the same code as in production.
package allinone

import (
	"context"
	"io"

	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/recent"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Config is the configuration of the shop in one process.
type Config struct {
	config.Web
	config.Admission
	config.Management
	config.Auth
	config.Payments
	config.Log
	config.Traces

	GatewayPort     config.Port `help:"Port of the simulated payment gateway, and of its /admin." default:"8082"`
	GatewayScenario string      `help:"Behaviour of the gateway: healthy, default, slow, flaky, down or liar. It can be changed at run time at its /admin." default:"default" enum:"healthy,default,slow,flaky,down,liar"`

	Data string `help:"Folder of all data." default:"./data" type:"path"`
	Demo bool   `help:"Fill the shop with a few demo products and customers at the first start." default:"true" negatable:""`
}

// Check implements config.Checker.
func (c *Config) Check() []error { return append(c.CheckPorts(c.Web), c.CheckAdmission(c.Web)...) }

// Serve runs the shop until ctx ends. Once it is ready it prints its addresses.
func (c *Config) Serve(ctx context.Context, env wire.Env, stdout io.Writer) error {
	ports, err := c.listen(ctx)
	if err != nil {
		return err
	}
	defer ports.close()
	unlock, err := lock(ctx, c.Data)
	if err != nil {
		return err
	}
	defer unlock()
	env.Instance = "commerce dev" // the lock keeps other processes out of this folder
	traces := recent.New()
	env, flush, err := env.WithTraces(ctx, "commerce-dev", c.Traces, traces)
	if err != nil {
		return err
	}
	defer flush()
	servers, err := startServers(ctx, env, c.Data)
	if err != nil {
		return err
	}
	defer servers.close()
	s := shop{config: c, servers: servers, ports: ports}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	program, err := s.build()
	if err != nil {
		return err
	}
	defer program.Close()
	program.Pages = []manage.Page{{Pattern: "GET /traces", Handler: traces}, {Pattern: "GET /traces/", Handler: traces}}
	program.Components = append(program.Components, returnMemory())
	if err := s.welcome(stdout); err != nil {
		return err
	}
	program, err = env.WithManagementPort(ctx, ports.management, program)
	if err != nil {
		return err
	}
	return run.All(ctx, env.Log, program.Components...)
}
