package allinone

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	simulator "github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

// shop is what the programs are built from.
type shop struct {
	config  *Config
	servers servers
	ports   ports

	sessionKey    []byte        // signs session tokens
	gatewaySecret pgwire.Secret // signs the gateway's callbacks
	adminPassword string        // at the first start
	seeded        bool          // this start created the demo shop
}

// build builds the programs. They stop in this order: new requests, running
// requests, payments, relay, consumers, jobs, gateway.
func (s *shop) build() (_ wire.Program, err error) {
	var programs []wire.Program
	closeAll := func() {
		for _, p := range slices.Backward(programs) {
			p.Close()
		}
	}
	for _, build := range []func() (wire.Program, error){
		s.api, func() (wire.Program, error) { return streamer.New(s.servers.infra) },
		s.batch, s.gateway,
	} {
		p, err := build()
		if err != nil {
			closeAll()
			return wire.Program{}, err
		}
		programs = append(programs, p)
	}
	all := wire.Program{Checks: programs[0].Checks, Close: closeAll}
	for _, p := range programs {
		all.Components = append(all.Components, p.Components...)
	}
	return all, nil
}

// api builds commerce-api. Its default recovery interval is shorter than in
// production: a developer does not wait for minutes.
func (s *shop) api() (wire.Program, error) {
	c, infra := s.config, s.servers.infra
	accounts, err := infra.Env.Accounts(infra.DB, s.sessionKey, c.AuthSessionTTL.Get())
	if err != nil {
		return wire.Program{}, err
	}
	return api.New(api.Deps{
		Infra: infra, Accounts: accounts, Listener: s.ports.public,
		Gateway: wire.Gateway{URL: address(s.ports.gateway), PublicURL: address(s.ports.public)},
		Secret:  s.gatewaySecret, Policy: c.Policy(),
		Rules: api.Rules{
			TrustUserHeader: c.AuthTrustUserHeader, RequestTimeout: c.RequestTimeout.Get(), NearBytes: c.NearBytes(),
			Admission: c.Limits(), DailyKeys: int(c.IdempotencyKeysPerDay), Origins: c.CORSOrigins.Get(),
		},
	})
}

// batch builds the scheduler of the jobs. Rankings are published more often than in
// production: a developer does not wait for ten minutes.
func (s *shop) batch() (wire.Program, error) {
	minutely := jobs.Every(time.Minute)
	return batch.New(s.servers.infra, map[string]batch.Rule{"dailyRanking": {When: &minutely}, "weeklyMonthlyRanking": {When: &minutely}})
}

// gateway builds pg-simulator, which keeps its transactions beside the shop's data.
func (s *shop) gateway() (wire.Program, error) {
	env := s.servers.infra.Env
	faults, _ := simulator.Scenario(s.config.GatewayScenario) // the flag is an enum: the scenario exists
	gateway, err := simulator.New(simulator.Options{
		Faults: faults, Seed: rand.Uint64(), //nolint:gosec // not a secret
		Journal: filepath.Join(s.config.Data, "gateway.jsonl"), Secret: s.gatewaySecret,
		Registerer: env.Registry, Clock: env.Clock, Log: env.Log,
	})
	if err != nil {
		return wire.Program{}, err
	}
	return wire.Program{Components: pgsim.Components(gateway, s.ports.gateway), Close: func() {}}, nil // its components close it
}
