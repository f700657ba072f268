// Package pgsim is the program pg-simulator: its command line, and the ports of the simulated payment
// gateway.
package pgsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	simulator "github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Config is the configuration of the program.
type Config struct {
	Host string      `help:"Address that the gateway listens on; empty is all addresses. Clients of this address can charge cards and change the faults." default:"127.0.0.1"`
	Port config.Port `help:"Port of the gateway and its /admin." default:"8082"`

	Scenario string       `help:"Preset of faults: healthy, default, slow, flaky, down or liar. The options below override single faults; the values shown are those of default." default:"default"`
	Seed     string       `help:"Seed of all random decisions. The same seed gives the same results to the same calls. 0 uses a new seed and logs it." default:"0"`
	Data     string       `help:"Journal file of all transactions. They survive a crash of the gateway. Without it they are in memory only." placeholder:"FILE"`
	Secret   string       `help:"Secret that signs callbacks (Standard Webhooks)." placeholder:"whsec_..."`
	Senders  config.Count `help:"Number of callbacks that are sent concurrently." default:"32"`

	simulator.Faults

	config.Management
	config.Log
}

// Check implements config.Checker.
func (c *Config) Check() []error {
	var errs []error
	if _, ok := simulator.Scenario(c.Scenario); !ok {
		errs = append(errs, fmt.Errorf("--scenario (SCENARIO): must be one of %s", strings.Join(simulator.Scenarios(), ", ")))
	}
	if _, err := strconv.ParseUint(c.Seed, 10, 64); err != nil {
		errs = append(errs, errors.New("--seed (SEED): must be a whole number, 0 or more"))
	}
	if _, err := c.secret(); err != nil {
		errs = append(errs, fmt.Errorf("--secret (SECRET): %w", err))
	}
	web := config.Web{Port: c.Port}
	return append(errs, c.CheckPorts(web)...)
}

func (c *Config) secret() (pgwire.Secret, error) {
	if c.Secret == "" {
		return pgwire.Secret{}, nil
	}
	return pgwire.ParseSecret(c.Secret)
}

// faults returns the faults of the scenario with the given options applied, and all their errors.
func (c *Config) faults(parsed *kong.Context) (simulator.Faults, []error) {
	f, ok := simulator.Scenario(c.Scenario)
	if !ok {
		return f, nil // Complaints reports it
	}
	given := map[any]bool{}
	for _, flag := range parsed.Flags() {
		if flag.Set {
			given[flag.Target.Addr().Interface()] = true
		}
	}
	options, all := reflect.ValueOf(&c.Faults).Elem(), reflect.ValueOf(&f).Elem()
	for i := range options.NumField() {
		if given[options.Field(i).Addr().Interface()] {
			all.Field(i).Set(options.Field(i))
		}
	}
	return f, f.Validate(flagName)
}

// flagName returns the flag and environment variable of a field of Faults, as in an error message.
func flagName(field string) string {
	var name strings.Builder
	for _, c := range field {
		if c >= 'A' && c <= 'Z' {
			name.WriteByte('-')
		}
		name.WriteString(strings.ToLower(string(c)))
	}
	return fmt.Sprintf("--%s (%s):", name.String(), strings.ToUpper(strings.ReplaceAll(name.String(), "-", "_")))
}

func about() config.About {
	vars := kong.Vars{"management_port": "8087"}
	defaults := simulator.DefaultFaults()
	defaults.Each(func(field string, v reflect.Value) {
		text, _ := json.Marshal(v.Interface()) // plain values cannot fail
		vars[field] = strings.Trim(string(text), `"`)
	})
	return config.About{
		Name: "pg-simulator",
		Description: "A simulated card payment gateway with the failures of real ones. It knows exactly what it charged and refunded. " +
			"Each flag can also be set by the environment variable in brackets.",
		Vars: vars,
	}
}

// Main runs the program and returns its exit code.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var c Config
	var f simulator.Faults
	parsed, err := config.Read(&c, about(), args, getenv, stdout, stderr)
	if parsed != nil {
		var errs []error
		f, errs = c.faults(parsed)
		err = errors.Join(append([]error{err}, errs...)...)
	}
	if code, ok := run.ConfigExitCode(err, stderr); !ok {
		return code
	}
	log := c.Logger(stderr)
	ctx, stop := run.Signals(log)
	defer stop()
	return run.ExitCode(c.serve(ctx, wire.NewEnv(log), f), stderr)
}

func (c *Config) serve(ctx context.Context, w wire.Env, f simulator.Faults) error {
	management, err := wire.Listen(ctx, c.ManagementHost, c.ManagementPort.Get(), "MANAGEMENT_PORT")
	if err != nil {
		return err
	}
	defer management.Close()
	public, err := wire.Listen(ctx, c.Host, c.Port.Get(), "PORT")
	if err != nil {
		return err
	}
	defer public.Close()
	s, err := c.newSimulator(w, f)
	if err != nil {
		return err
	}
	w.Log.Info("the gateway is listening", "at", "http://"+public.Addr().String(), "management", "http://"+management.Addr().String(),
		"scenario", c.Scenario, "version", wire.Version())
	service := wire.Program{Components: Components(s, public), Checks: Checks(s)}
	service, err = w.WithManagementPort(ctx, management, service)
	if err != nil {
		return err
	}
	return run.All(ctx, w.Log, service.Components...)
}

func (c *Config) newSimulator(w wire.Env, f simulator.Faults) (*simulator.Simulator, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	seed, err := strconv.ParseUint(c.Seed, 10, 64)
	if err != nil {
		return nil, err
	}
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // not a secret
	}
	w.Log.Info("random seed", "seed", seed)
	return simulator.New(simulator.Options{
		Faults: f, Seed: seed, Journal: c.Data, Secret: secret, Senders: c.Senders.Get(), Registerer: w.Registry, Clock: w.Clock, Log: w.Log,
	})
}
