package flow_test

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// infra is what the programs of a test run on.
type infra struct {
	open    func(tb testing.TB, o sqlstore.Options) *sqlstore.DB
	brokers []string
	prefix  string
	redis   server
	kafka   server // nil where it is shared with other tests
}

// server can be stopped and started again by a test.
type server interface {
	address() string
	stop(t *testing.T)
	start(t *testing.T)
}

// engines returns the kinds of infra by name.
func engines() map[string]func(t *testing.T) infra {
	return map[string]func(t *testing.T) infra{"embedded": embedded, "real servers": onServers}
}

func options(w wire.Env) sqlstore.Options {
	return sqlstore.Options{Clock: w.Clock, IDs: w.IDs, Random: w.Random, Log: w.Log}
}

func embedded(t *testing.T) infra {
	t.Helper()
	broker := &embeddedKafka{dir: t.TempDir(), port: freePort(t)}
	broker.start(t)
	t.Cleanup(func() { broker.cluster.Close() })
	return infra{
		open:    storetest.SQLite,
		brokers: []string{broker.address()}, redis: &embeddedRedis{miniredis.RunT(t)}, kafka: broker,
	}
}

func onServers(t *testing.T) infra {
	t.Helper()
	brokers, prefix := kafkatest.Real(t)
	server := &realRedis{port: freePort(t), dir: t.TempDir()}
	server.start(t)
	t.Cleanup(func() { server.stop(t) })
	return infra{
		open:    storetest.Postgres,
		brokers: brokers, prefix: prefix, redis: server,
	}
}

type embeddedKafka struct {
	dir     string
	port    int
	cluster *kfake.Cluster
}

func (k *embeddedKafka) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(k.port)) }

func (k *embeddedKafka) stop(*testing.T) { k.cluster.Close() }

func (k *embeddedKafka) start(t *testing.T) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(k.port), kfake.DataDir(k.dir))
	if err != nil {
		t.Fatal(err)
	}
	k.cluster = cluster
}

type embeddedRedis struct{ *miniredis.Miniredis }

func (r *embeddedRedis) address() string { return "redis://" + r.Addr() }

func (r *embeddedRedis) stop(*testing.T) { r.Close() }

// start starts the server without data.
func (r *embeddedRedis) start(t *testing.T) {
	t.Helper()
	r.FlushAll()
	if err := r.Restart(); err != nil {
		t.Fatal(err)
	}
}

// realRedis is a server of the test's own, which loses its data when it is killed.
type realRedis struct {
	port    int
	dir     string
	process *exec.Cmd
}

func (r *realRedis) address() string { return "redis://127.0.0.1:" + strconv.Itoa(r.port) + "/0" }

func (r *realRedis) start(t *testing.T) {
	t.Helper()
	r.process = exec.CommandContext(context.WithoutCancel(t.Context()), "redis-server", "--bind", "127.0.0.1",
		"--port", strconv.Itoa(r.port), "--save", "", "--appendonly", "no", "--dir", r.dir)
	if err := r.process.Start(); err != nil {
		t.Fatalf("redis-server (run `make services`): %v", err)
	}
	client, err := redis.Open(r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cluster.Eventually(t, 10*time.Second, "redis-server answers", func() error { return client.Ping(t.Context()).Err() })
}

func (r *realRedis) stop(*testing.T) {
	_ = r.process.Process.Kill()
	_ = r.process.Wait()
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := strconv.Atoi(cluster.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
