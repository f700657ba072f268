//go:build synctests

package sim_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
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

// mood is how often a server refuses what it is asked.
type mood struct {
	mu   sync.Mutex
	bad  float64
	dice *dice
}

func (m *mood) set(bad float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bad = bad
}

func (m *mood) refuses(share float64) bool {
	m.mu.Lock()
	bad := m.bad
	m.mu.Unlock()
	return bad > 0 && m.dice.chance(bad*share)
}

// broker is the embedded broker, which keeps its records over a restart.
type broker struct {
	network *network
	dir     string
	mood    mood
	cluster *kfake.Cluster // nil while it is down
}

func (b *broker) start(t *testing.T) {
	t.Helper()
	b.forget(t)
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

// forget has the broker know nobody who was connected before, as others do. By
// itself the embedded one takes its fetch sessions with it over a restart, but
// then answers them with topics without a name, which no client understands.
// Members of a group find that they are no longer, and join again.
func (b *broker) forget(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(b.dir, "session_state.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

func (b *broker) stop() {
	if b.cluster == nil {
		return
	}
	b.network.cut(kafkaHost)
	b.cluster.Close()
	b.network.cut(kafkaHost)
	b.cluster = nil
}

// refusals are what a broker answers when it is not well. The first two of
// Produce, and those of OffsetCommit that timed out, are answered although what
// was asked was done. That a member is not known is never said of one that is:
// the broker would go on waiting for it.
func refusals() map[kmsg.Key][]*kerr.Error {
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

// refuseOffsets refuses to tell a group its offsets. The fault of the broker's
// own would refuse single partitions, which no broker does for these reasons
// and the client does not try again.
func (b *broker) refuseOffsets(r kmsg.Request) kmsg.Response {
	asked, ok := r.(*kmsg.OffsetFetchRequest)
	if !ok || len(asked.Groups) == 0 || !b.mood.refuses(1) {
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
		errs := refusals()[key]
		for _, err := range errs {
			when := func(kmsg.Request) bool { return b.mood.refuses(1 / float64(len(errs))) }
			top := key == kmsg.JoinGroup || key == kmsg.SyncGroup || key == kmsg.Heartbeat || key == kmsg.InitProducerID
			all = append(all, kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: -1, When: when, TopLevel: top})
		}
	}
	return all
}

// board is the embedded Redis, which is empty after a restart.
type board struct {
	network  *network
	mood     mood
	server   *miniredis.Miniredis // nil while it is down
	listener *listener
}

func (b *board) start(t *testing.T) {
	t.Helper()
	b.server = miniredis.NewMiniRedis()
	b.server.ClockTTL(true)
	first, err := b.server.Dial() // starts it without a listener
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	_ = first.Close()
	core := b.server.Server()
	core.SetPreHook(b.hook)
	l := b.network.listen(redisHost, redisAddress)
	b.listener = l
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			core.ServeConn(c)
		}
	}()
}

func (b *board) stop() {
	if b.server == nil {
		return
	}
	_ = b.listener.Close()
	b.network.cut(redisHost)
	b.server.Close()
	b.server = nil
}

// hook refuses commands when the server is not well.
func (b *board) hook(p *server.Peer, _ string, _ ...string) bool {
	if !b.mood.refuses(1) {
		return false
	}
	said := []string{
		"LOADING Redis is loading the dataset in memory", "OOM command not allowed when used memory > 'maxmemory'.",
		"READONLY You can't write against a read only replica.", "BUSY Redis is busy running a script.",
	}
	p.WriteError(said[b.mood.dice.IntN(len(said))])
	return true
}
