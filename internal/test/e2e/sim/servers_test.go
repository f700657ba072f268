//go:build synctests

package sim_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/program/allinone"
)

// Hosts on the network of the simulation.
const (
	kafkaHost, kafkaAddress = "kafka", "kafka:9092"
	redisHost, redisAddress = "redis", "redis:6379"
	shopAddress             = "shop:8080"
)

// failureRate is how often a server answers with an error.
type failureRate struct {
	mu   sync.Mutex
	rate float64
	rng  *rng
}

func (f *failureRate) set(rate float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rate = rate
}

func (f *failureRate) fails(share float64) bool {
	f.mu.Lock()
	rate := f.rate
	f.mu.Unlock()
	return rate > 0 && f.rng.chance(rate*share)
}

// broker is the embedded broker, which keeps its records over a restart.
type broker struct {
	network  *network
	dir      string
	failures failureRate
	cluster  *kfake.Cluster // nil while it is down
}

func (b *broker) start(t *testing.T) {
	t.Helper()
	b.dropSessions(t)
	cluster, err := kfake.NewCluster(append(allinone.Broker(b.dir),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return b.network.listen(kafkaHost, kafkaAddress), nil }))...)
	if err != nil {
		t.Fatalf("start the broker: %v", err)
	}
	cluster.Fault(b.faults()...)
	cluster.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		refused := b.refuseOffsets(r)
		return refused, nil, refused != nil
	})
	b.cluster = cluster
}

// dropSessions lets the broker forget its clients, as real ones do. The embedded broker
// keeps its fetch sessions over a restart, but then answers them with topics without a
// name, which no client understands. Members of a group join again.
func (b *broker) dropSessions(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(b.dir, "session_state.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

func (b *broker) stop() {
	if b.cluster == nil {
		return
	}
	b.network.disconnect(kafkaHost)
	b.cluster.Close()
	b.network.disconnect(kafkaHost)
	b.cluster = nil
}

// kafkaErrors returns the errors of an unhealthy broker, by request. The first two of
// Produce and the first of OffsetCommit are answered after the request was executed.
// UnknownMemberID is not among them: the broker would go on waiting for the member.
func kafkaErrors() map[kmsg.Key][]*kerr.Error {
	coordinator := []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress}
	return map[kmsg.Key][]*kerr.Error{
		kmsg.Produce: {
			kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.UnknownServerError, kerr.NotEnoughReplicas,
		},
		kmsg.Fetch:           {kerr.NotLeaderForPartition, kerr.UnknownServerError},
		kmsg.ListOffsets:     {kerr.NotLeaderForPartition, kerr.LeaderNotAvailable},
		kmsg.Metadata:        {kerr.LeaderNotAvailable},
		kmsg.OffsetCommit:    {kerr.RequestTimedOut, kerr.CoordinatorNotAvailable, kerr.NotCoordinator},
		kmsg.FindCoordinator: {kerr.CoordinatorNotAvailable},
		kmsg.JoinGroup:       coordinator,
		kmsg.SyncGroup:       coordinator,
		kmsg.Heartbeat:       append(coordinator, kerr.RebalanceInProgress),
		kmsg.InitProducerID:  {kerr.CoordinatorLoadInProgress, kerr.UnknownServerError},
		kmsg.CreateTopics:    {kerr.RequestTimedOut, kerr.NotController},
	}
}

// refuseOffsets answers an OffsetFetch with an error for the whole group. The broker's
// own fault would answer it for single partitions, which no real broker does and the
// client does not retry.
func (b *broker) refuseOffsets(r kmsg.Request) kmsg.Response {
	asked, ok := r.(*kmsg.OffsetFetchRequest)
	if !ok || len(asked.Groups) == 0 || !b.failures.fails(1) {
		return nil
	}
	refused := kmsg.NewPtrOffsetFetchResponse()
	refused.SetVersion(asked.Version)
	for _, g := range asked.Groups {
		group := kmsg.NewOffsetFetchResponseGroup()
		group.Group, group.ErrorCode = g.Group, kerr.CoordinatorNotAvailable.Code
		refused.Groups = append(refused.Groups, group)
	}
	return refused
}

func (b *broker) faults() []kfake.Fault {
	var all []kfake.Fault
	for key := range kmsg.Key(kmsg.MaxKey) { // in a fixed order
		errs := kafkaErrors()[key]
		for _, err := range errs {
			when := func(kmsg.Request) bool { return b.failures.fails(1 / float64(len(errs))) }
			top := key == kmsg.JoinGroup || key == kmsg.SyncGroup || key == kmsg.Heartbeat || key == kmsg.InitProducerID
			all = append(all, kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: -1, When: when, TopLevel: top})
		}
	}
	return all
}

// redisServer is the embedded Redis, which is empty after a restart.
type redisServer struct {
	network  *network
	failures failureRate
	readOnly atomic.Bool          // it refuses writes
	server   *miniredis.Miniredis // nil while it is down
	listener *listener
}

func (r *redisServer) start(t *testing.T) {
	t.Helper()
	r.server = miniredis.NewMiniRedis()
	r.server.ClockTTL(true)
	first, err := r.server.Dial() // starts it without a listener
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	_ = first.Close()
	core := r.server.Server()
	core.SetPreHook(r.hook)
	l := r.network.listen(redisHost, redisAddress)
	r.listener = l
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			core.ServeConn(c)
		}
	}()
}

func (r *redisServer) stop() {
	if r.server == nil {
		return
	}
	_ = r.listener.Close()
	r.network.disconnect(redisHost)
	r.server.Close()
	r.server = nil
}

// lose deletes a part of the keys, as an eviction does, and returns them.
func (r *redisServer) lose(rng *rng) (lost []string) {
	share := rng.Float64()
	for _, key := range r.server.Keys() { // in order
		if rng.chance(share) && r.server.Del(key) {
			lost = append(lost, key)
		}
	}
	return lost
}

// reading are the commands that a server without memory, or a replica, still answers.
func reading(command string) bool {
	return slices.Contains([]string{
		"PING", "HELLO", "CLIENT", "INFO", "SELECT", "AUTH", "COMMAND", "GET", "MGET", "EXISTS", "TTL", "PTTL", "SCAN", "TYPE", "TIME",
		"ZCARD", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZSCORE", "ZMSCORE", "ZRANK", "ZREVRANK", "ZCOUNT", "ZSCAN", "HGET", "HMGET", "HGETALL", "HLEN",
		"MULTI", "EXEC", "DISCARD",
	}, command)
}

// hook answers commands with an error, at the failure rate, and writes while they are refused.
func (r *redisServer) hook(p *server.Peer, command string, _ ...string) bool {
	if r.readOnly.Load() && !reading(command) {
		p.WriteError("OOM command not allowed when used memory > 'maxmemory'.")
		return true
	}
	if !r.failures.fails(1) {
		return false
	}
	errs := []string{
		"LOADING Redis is loading the dataset in memory", "OOM command not allowed when used memory > 'maxmemory'.",
		"READONLY You can't write against a read only replica.", "BUSY Redis is busy running a script.",
	}
	p.WriteError(errs[r.failures.rng.IntN(len(errs))])
	return true
}
