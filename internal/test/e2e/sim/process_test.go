//go:build synctests

package sim_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

// process is one process with all programs, put together as in commerce dev, with
// connections and a host of its own.
type process struct {
	name    string
	network *network
	db      *sqlstore.DB
	client  goredis.UniversalClient
	close   func()
	cancel  context.CancelFunc
	ended   chan error
}

// maxClockSkew is how far two clocks may be apart: the documented limit.
const maxClockSkew = time.Second

// clock returns the clock of a process, which is a little wrong.
func (sim *simulation) clock() clock.Clock {
	wrong := sim.clocks.between(-maxClockSkew/2, maxClockSkew/2)
	return func() time.Time { return time.Now().Add(wrong) }
}

// newEnv returns the environment of the programs of a process.
func (sim *simulation) newEnv(name, instance string, now clock.Clock) wire.Env {
	return wire.Env{
		Clock: now, IDs: id.NewSource(now, sim.ids), Random: sim.random.Float64, Log: sim.log.With("process", name),
		Registry: prometheus.NewRegistry(), Instance: instance,
	}
}

func (sim *simulation) database(env wire.Env) (*sqlstore.DB, error) {
	return env.Store(context.WithoutCancel(sim.t.Context()), "sqlite:"+sim.file)
}

// startProcess starts a process. instance is the name under which it holds leases.
func (sim *simulation) startProcess(t *testing.T, instance string) *process {
	t.Helper()
	sim.starts++
	p := &process{name: fmt.Sprintf("process-%d", sim.starts), network: sim.network, ended: make(chan error, 1)}
	env := sim.newEnv(p.name, instance, sim.clock())
	var err error
	if p.db, err = sim.database(env); err != nil {
		t.Fatalf("open the database: %v", err)
	}
	if p.client, err = redis.Open("redis://"+redisAddress, redis.WithDialer(sim.network.dialer(p.name))); err != nil {
		t.Fatal(err)
	}
	well := sim.disk.on(p.db)
	deps := wire.Infra{
		Env: env, DB: well, Kafka: env.Kafka([]string{kafkaAddress}, "", p.name), Redis: redis.NewCaller(p.client, redis.Patience, env.Clock, env.Log),
	}
	deps.Kafka.Dial = sim.network.dialer(p.name)
	p.build(t, deps, sim.slowed(well), sim.gateway.secret)
	return p
}

func (p *process) build(t *testing.T, deps wire.Infra, slow *sqlstore.DB, secret pgwire.Secret) {
	t.Helper()
	accounts, err := deps.Env.Accounts(p.db, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	shop, err := api.New(api.Deps{
		Infra: deps, Accounts: accounts, Listener: p.network.listen(p.name, shopAddress),
		Gateway: wire.Gateway{URL: "http://" + gatewayAddress, PublicURL: "http://" + shopAddress, Dial: p.network.dialer(p.name)},
		Secret:  secret, Policy: policy(),
		Rules: api.Rules{TrustUserHeader: true, NearBytes: 8 << 20, RequireIdempotencyKey: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := streamer.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	deps.DB = slow
	scheduler, err := batch.New(deps, publishing())
	if err != nil {
		t.Fatal(err)
	}
	p.close = func() { scheduler.Close(); stream.Close(); shop.Close() }
	components := slices.Concat(shop.Components, stream.Components, scheduler.Components)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p.cancel = cancel
	go func() { p.ended <- run.All(ctx, deps.Env.Log, components...) }()
}

// stop ends the process in order.
func (p *process) stop() error {
	p.cancel()
	err := <-p.ended
	p.close()
	_ = p.client.Close()
	if bad := p.db.Close(); err == nil {
		err = bad
	}
	p.network.kill(p.name) // its connections are gone with it
	return err
}

// kill ends the process at once: it is cut off the network and can begin no transaction,
// so that nothing its parts still try has an effect.
func (p *process) kill() {
	p.network.kill(p.name)
	_ = p.db.Close()
	_ = p.stop()
}

// policy returns the payment policy. Orders expire sooner than in production: each
// second of waiting for them costs some round trips.
func policy() payment.Policy {
	return payment.Policy{Interval: 5 * time.Second, Expiry: time.Minute, Watch: 24 * time.Hour}
}
