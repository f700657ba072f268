// Package pgsim is the program pg-simulator: the command line and the ports of the
// simulated payment gateway.
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

// Config is what the program can be told.
type Config struct {
	Host string      `help:"Address that the gateway listens on; empty is every one. Whoever reaches it can charge, and can change its faults." default:"127.0.0.1"`
	Port config.Port `help:"Port of the gateway and of its /admin." default:"8082"`

	Scenario string       `help:"What the gateway is like: healthy, default, slow, flaky, down or liar. The options below change single faults of it; shown are those of default." default:"default"`
	Seed     string       `help:"Seed of all that is left to chance: the same one gives the same fates to the same calls. 0 takes a new one and logs it." default:"0"`
	Data     string       `help:"File that keeps all transactions, so that the gateway can be killed. Without one they are kept in memory." placeholder:"FILE"`
	Secret   string       `help:"Signs callbacks, as Standard Webhooks says." placeholder:"whsec_..."`
	Senders  config.Count `help:"How many callbacks are sent at once." default:"32"`

	simulator.Faults

	config.Management
	config.Log
}

// Check implements config.Checker.
func (c *Config) Check() []error {
	var found []error
	if _, ok := simulator.Scenario(c.Scenario); !ok {
		found = append(found, fmt.Errorf("--scenario (SCENARIO): must be one of %s", strings.Join(simulator.Scenarios(), ", ")))
	}
	if _, err := strconv.ParseUint(c.Seed, 10, 64); err != nil {
		found = append(found, errors.New("--seed (SEED): must be a whole number from 0 on"))
	}
	if _, err := c.secret(); err != nil {
		found = append(found, fmt.Errorf("--secret (SECRET): %w", err))
	}
	web := config.Web{Port: c.Port}
	return append(found, c.CheckPorts(web)...)
}

func (c *Config) secret() (pgwire.Secret, error) {
	if c.Secret == "" {
		return pgwire.Secret{}, nil
	}
	return pgwire.ParseSecret(c.Secret)
}

// chosen returns the faults of the scenario, changed by the options that were
// given, and what is wrong with them.
func (c *Config) chosen(called *kong.Context) (simulator.Faults, []error) {
	f, ok := simulator.Scenario(c.Scenario)
	if !ok {
		return f, nil // see Complaints
	}
	given := map[any]bool{}
	for _, flag := range called.Flags() {
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
	return f, f.Complaints(asFlag)
}

// asFlag is how a field of Faults is called on the command line.
func asFlag(field string) string {
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
	shown := simulator.DefaultFaults()
	shown.Each(func(field string, v reflect.Value) {
		text, _ := json.Marshal(v.Interface()) // plain values: it cannot fail
		vars[field] = strings.Trim(string(text), `"`)
	})
	return config.About{
		Name: "pg-simulator",
		Description: "A card payment gateway that fails the way real ones do, and knows to the won what it charged. " +
			"Every flag can be given as the environment variable in brackets.",
		Vars: vars,
	}
}

// Main runs the program and returns its exit code.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var c Config
	var f simulator.Faults
	called, err := config.Read(&c, about(), args, getenv, stdout, stderr)
	if called != nil {
		var found []error
		f, found = c.chosen(called)
		err = errors.Join(append([]error{err}, found...)...)
	}
	if code, ok := run.Configured(err, stderr); !ok {
		return code
	}
	log := c.Logger(stderr)
	ctx, stop := run.Signals(log)
	defer stop()
	return run.Ended(c.serve(ctx, wire.Real(log), f), stderr)
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
	w.Log.Info("the gateway is served", "at", "http://"+public.Addr().String(), "management", "http://"+management.Addr().String(),
		"scenario", c.Scenario, "version", wire.Version())
	service := wire.Program{Components: Parts(s, public), Checks: Checks(s)}
	return run.All(ctx, w.Log, w.Managed(ctx, management, service).Components...)
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
		seed = rand.Uint64() //nolint:gosec // a seed, and told to everybody
	}
	w.Log.Info("fates are drawn", "seed", seed)
	return simulator.New(simulator.Options{
		Faults: f, Seed: seed, Journal: c.Data, Secret: secret, Senders: c.Senders.Get(), Registerer: w.Registry, Log: w.Log,
	})
}
