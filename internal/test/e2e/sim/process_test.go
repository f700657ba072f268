//go:build synctests

package sim_test

import (
	"bytes"
	"context"
	"fmt"
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
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

// process is one process with all programs, put together as commerce dev does.
// It has a connection of its own to the database, and its own host.
type process struct {
	name    string
	network *network
	db      *sqlstore.DB
	client  *goredis.Client
	close   func()
	stopRun context.CancelFunc
	ended   chan error
}

// skew is how far two clocks may be apart: a second, as operators are told.
const skew = time.Second

// clock returns a clock of a process, which is a little wrong.
func (w *world) clock() clock.Clock {
	wrong := w.clocks.between(-skew/2, skew/2)
	return func() time.Time { return time.Now().Add(wrong) }
}

// outside is what the programs of a process take from outside.
func (w *world) outside(name, instance string, now clock.Clock) wire.Env {
	return wire.Env{
		Clock: now, IDs: id.NewSource(now, w.ids), Random: w.jitter.Float64, Log: w.log.With("process", name),
		Registry: prometheus.NewRegistry(), Instance: instance,
	}
}

func (w *world) database(outside wire.Env) (*sqlstore.DB, error) {
	return outside.Store(context.WithoutCancel(w.t.Context()), "sqlite:"+w.file)
}

// begin starts a process. instance is the name under which it holds leases.
func (w *world) begin(t *testing.T, instance string) *process {
	t.Helper()
	w.births++
	p := &process{name: fmt.Sprintf("process-%d", w.births), network: w.network, ended: make(chan error, 1)}
	outside := w.outside(p.name, instance, w.clock())
	var err error
	if p.db, err = w.database(outside); err != nil {
		t.Fatalf("open the database: %v", err)
	}
	if p.client, err = redis.Open("redis://"+redisAddress, redis.WithDialer(w.network.dialer(p.name))); err != nil {
		t.Fatal(err)
	}
	ground := wire.Infra{Env: outside, DB: p.db, Kafka: outside.Kafka([]string{kafkaAddress}, "", p.name), Redis: p.client}
	ground.Kafka.Dial = w.network.dialer(p.name)
	p.build(t, ground, w.gateway.secret)
	return p
}

func (p *process) build(t *testing.T, ground wire.Infra, secret pgwire.Secret) {
	t.Helper()
	desk, err := ground.Env.Accounts(p.db, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	shop, err := api.New(api.Deps{
		Infra: ground, Accounts: desk, Listener: p.network.listen(p.name, shopAddress),
		Gateway: wire.Gateway{URL: "http://" + gatewayAddress, PublicURL: "http://" + shopAddress, Dial: p.network.dialer(p.name)},
		Secret:  secret, Policy: policy(),
		Rules: api.Rules{TrustUserHeader: true, RequireIdempotencyKey: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := streamer.New(ground)
	if err != nil {
		t.Fatal(err)
	}
	p.close = func() { stream.Close(); shop.Close() }
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p.stopRun = cancel
	go func() { p.ended <- run.All(ctx, ground.Env.Log, append(shop.Components, stream.Components...)...) }()
}

// stop ends the process in order.
func (p *process) stop() error {
	p.stopRun()
	err := <-p.ended
	p.close()
	_ = p.client.Close()
	if bad := p.db.Close(); err == nil {
		err = bad
	}
	p.network.kill(p.name) // it is gone, and so are its connections
	return err
}

// kill ends the process at once: from this moment on it reaches nobody and can
// begin no transaction, so whatever its parts still try comes to nothing.
func (p *process) kill() {
	p.network.kill(p.name)
	_ = p.db.Close()
	_ = p.stop()
}

// policy is how payments are looked after. Orders expire sooner than they do in
// a real shop: each second that one is waited for costs some round trips.
func policy() payment.Policy {
	return payment.Policy{Interval: 5 * time.Second, Expiry: time.Minute, Watch: 24 * time.Hour}
}
