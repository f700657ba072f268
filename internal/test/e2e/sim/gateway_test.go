//go:build synctests

package sim_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	pgprogram "github.com/loopers-commerce/commerce/internal/program/pgsim"
)

const gatewayAddress = "gateway:8082"

// gateway is the payment gateway: pg-simulator, which has faults of its own and keeps
// its journal over a restart.
type gateway struct {
	network *network
	journal string
	seed    uint64
	secret  pgwire.Secret
	log     *slog.Logger

	starts int
	stop   func() // nil while it is down

	mu          sync.Mutex
	simulator   *pgsim.Simulator
	host        string // a new one for each start
	scenario    pgsim.Faults
	extraFault  func(*pgsim.Faults) // besides those of the scenario; nil: none
	extraFaults int
}

func (g *gateway) start(t *testing.T) {
	t.Helper()
	g.starts++
	host := fmt.Sprintf("gateway-%d", g.starts)
	log := g.log.With("process", host)
	s, err := pgsim.New(pgsim.Options{
		Faults: g.faults(), Seed: g.seed + uint64(g.starts)<<32, Journal: g.journal, Secret: g.secret, Senders: 4, Clock: time.Now, Log: log,
		Client: &http.Client{Transport: &http.Transport{DialContext: g.network.dialer(host), IdleConnTimeout: time.Minute}},
	})
	if err != nil {
		t.Fatalf("start the gateway: %v", err)
	}
	g.mu.Lock()
	g.simulator, g.host = s, host
	g.mu.Unlock()
	listener := g.network.listen(host, gatewayAddress)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = run.All(ctx, log, pgprogram.Components(s, listener)...) // it is killed
	}()
	g.stop = func() {
		g.network.kill(host)
		cancel()
		<-ended
	}
}

// kill cuts the gateway off the network and ends it. Only its journal remains.
func (g *gateway) kill() {
	if g.stop != nil {
		g.stop()
		g.stop = nil
	}
}

// setScenario sets the faults of the gateway.
func (g *gateway) setScenario(f pgsim.Faults) {
	g.mu.Lock()
	g.scenario = f
	g.mu.Unlock()
	g.apply()
}

// addFault adds a fault for a while.
func (g *gateway) addFault(long time.Duration, fault func(*pgsim.Faults)) {
	g.mu.Lock()
	g.extraFaults++
	mine := g.extraFaults
	g.extraFault = fault
	g.mu.Unlock()
	g.apply()
	time.AfterFunc(long, func() {
		g.mu.Lock()
		if g.extraFaults == mine {
			g.extraFault = nil
		}
		g.mu.Unlock()
		g.apply()
	})
}

func (g *gateway) faults() pgsim.Faults {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.scenario
	if g.extraFault != nil {
		g.extraFault(&f)
	}
	return f
}

func (g *gateway) apply() {
	f := g.faults()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.simulator != nil {
		if err := g.simulator.SetFaults(f); err != nil {
			g.log.Error("the gateway does not take its faults", "error", err)
		}
	}
}

func (g *gateway) currentHost() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.host
}

// repair sets the default scenario, and starts the gateway if it is down.
func (g *gateway) repair(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	g.extraFault = nil
	g.mu.Unlock()
	g.setScenario(scenario("default"))
	if g.stop == nil {
		g.start(t)
	}
}

func scenario(name string) pgsim.Faults {
	f, ok := pgsim.Scenario(name)
	if !ok {
		f.Down = "there is no scenario " + name // which the simulator rejects
	}
	return f
}

// injectGatewayFault injects a fault of the gateway.
func (sim *simulation) injectGatewayFault(rng *rng) {
	switch rng.IntN(6) {
	case 0, 1:
		name := []string{"healthy", "default", "slow", "flaky", "liar"}[rng.IntN(5)]
		f := scenario(name)
		f.IgnoreIdempotencyKey = rng.chance(0.4)
		sim.logFault("gateway scenario "+name, "ignores keys", f.IgnoreIdempotencyKey)
		sim.gateway.setScenario(f)
	case 2:
		down := []string{pgsim.DownClose, pgsim.DownUnavailable}[rng.IntN(2)]
		sim.worsenGateway(rng, "the gateway is down", func(f *pgsim.Faults) { f.Down = down })
	case 3:
		sim.worsenGateway(rng, "the gateway hangs", func(f *pgsim.Faults) {
			f.RefuseRate, f.LoseAnswerRate, f.BreakAnswerRate, f.HangRate = 0.1, 0.2, 0.1, 0.5
		})
	case 4:
		sim.worsenGateway(rng, "the gateway loses callbacks and refuses queries", func(f *pgsim.Faults) {
			f.CallbackLoseRate, f.QueryRefuseRate, f.CancelRefuseRate, f.CancelLoseAnswerRate = 0.8, 0.6, 0.3, 0.4
		})
	default:
		sim.logFault("kill the gateway")
		sim.gateway.kill()
		time.Sleep(rng.between(100*time.Millisecond, 15*time.Second))
		sim.gateway.start(sim.t)
	}
}

func (sim *simulation) worsenGateway(rng *rng, what string, fault func(*pgsim.Faults)) {
	long := rng.between(2*time.Second, 30*time.Second)
	sim.logFault(what, "for", long)
	sim.gateway.addFault(long, fault)
}
