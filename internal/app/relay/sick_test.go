package relay_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// world is a relay between a database and an embedded broker.
type world struct {
	*testing.T
	cluster *kfake.Cluster
	config  kafka.Config
	db      *sqlstore.DB
	meter   *meter
	relay   *relay.Relay
	deltas  map[int64]int64 // the last event of a product
	away    atomic.Bool     // the second broker
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.NumBrokers(2))
	return newWorldOn(t, cluster, kafkatest.Prepared(t, cluster))
}

// newWorldOn is newWorld with other brokers; cluster is nil if they are real ones.
func newWorldOn(t *testing.T, cluster *kfake.Cluster, config kafka.Config) *world {
	t.Helper()
	w := &world{T: t, cluster: cluster, config: config, db: storetest.SQLite(t, sqlstore.Options{}), meter: &meter{}, deltas: map[int64]int64{}}
	w.config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if w.away.Load() && address == w.cluster.ListenAddrs()[1] {
			return nil, errors.New("the broker is away")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	w.start()
	return w
}

func (w *world) start() {
	out, err := kafka.NewProducer(w.config, quiet())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(out.Close)
	w.relay = relay.New(relay.Config{
		DB: w.db, Publisher: out, Another: another(w.config), Announcer: w.db, Committed: w.db.Committed(), Noticed: w.db.Noticed(), Meter: w.meter,
		Clock: time.Now, Random: rand.Float64, Holder: "A",
	}, quiet())
	w.Cleanup(run(w.T, w.relay))
}

// add commits n events of a product, numbered, in one transaction.
func (w *world) add(product int64, n int) {
	w.Helper()
	err := w.db.Update(w.Context(), func(tx store.Tx) error {
		for range n {
			w.deltas[product]++
			tx.Outbox.Append(time.Now(), event.NewStockAdjusted(product, w.deltas[product], 0, "count"))
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// until waits until the condition holds.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 6000 {
		if holds() {
			return
		}
		<-tick.C
	}
	w.Fatalf("never: %s; %d wait, health: %v", what, w.waiting(), w.relay.Health(w.Context()))
}

func (w *world) waiting() (n int64) {
	w.Helper()
	err := w.db.View(w.Context(), func(tx store.Tx) (err error) {
		n, _, err = tx.Outbox.Backlog(w.Context())
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// inOrder checks that the first occurrences of the events of each product are complete
// and in order.
func (w *world) inOrder() {
	w.Helper()
	want := map[int64][]int64{}
	for product, last := range w.deltas {
		for n := range last {
			want[product] = append(want[product], n+1)
		}
	}
	got := firstDeltas(w.T, kafkatest.All(w.T, w.config.Brokers, w.config.Topic(event.CatalogTopic)))
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("(-committed +first occurrences in the log):\n%s", diff)
	}
}

func partitionOf(product int64) int32 {
	return int32(event.PartitionOf(strconv.FormatInt(product, 10)))
}

// elsewhere returns products in other partitions than that of product 1.
func elsewhere(n int) (products []int64) {
	for p := int64(2); len(products) < n; p++ {
		if partitionOf(p) != partitionOf(1) {
			products = append(products, p)
		}
	}
	return products
}

// fault makes produce requests for the partition of product 1 fail, until end is called.
func (w *world) fault(err *kerr.Error) (end func()) {
	return w.cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Topic: w.config.Topic(event.CatalogTopic), Partitions: []int32{partitionOf(1)}, Err: err, Count: -1,
	}).Remove
}

// hang makes produce requests hang that have the partition of product 1.
func (w *world) hang() (end func()) {
	released := make(chan struct{})
	w.cluster.ControlKey(kmsg.Produce.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		select {
		case <-released:
			return nil, nil, false
		default:
		}
		produce, ok := req.(*kmsg.ProduceRequest)
		if !ok {
			return nil, nil, false
		}
		for _, topic := range produce.Topics {
			for _, p := range topic.Partitions {
				if p.Partition == partitionOf(1) {
					w.cluster.SleepControl(func() { <-released })
				}
			}
		}
		return nil, nil, false
	})
	return func() { close(released) }
}

// cutOff moves the partition of product 1 to a broker of its own, which cannot be reached.
func (w *world) cutOff() (end func()) {
	w.away.Store(true)
	for partition := range int32(event.Partitions) {
		leader := int32(0)
		if partition == partitionOf(1) {
			leader = 1
		}
		if err := w.cluster.MoveTopicPartition(w.config.Topic(event.CatalogTopic), partition, leader); err != nil {
			w.Fatal(err)
		}
	}
	return func() { w.away.Store(false) }
}

func sicknesses() map[string]func(w *world) (end func()) {
	all := map[string]func(w *world) func(){"hangs": (*world).hang}
	for _, err := range []*kerr.Error{
		kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.LeaderNotAvailable, kerr.KafkaStorageError,
		kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition,
	} {
		all["refuses with "+err.Message] = func(w *world) func() { return w.fault(err) }
	}
	all["has a leader that is away"] = (*world).cutOff
	return all
}

// One partition does not take events, and more of them wait than are read at once. All
// other events are relayed, and when the partition is well again, its own ones are.
func TestASickPartitionHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	for name, begin := range sicknesses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			others := elsewhere(5)
			end := begin(w)
			w.add(1, 600)
			for range 4 {
				for _, p := range others {
					w.add(p, 50)
				}
			}
			w.until("the others are relayed", func() bool { return w.waiting() == 600 })
			place := event.CatalogTopic + "/" + strconv.Itoa(int(partitionOf(1)))
			w.until("the relay names the partition", func() bool {
				err := w.relay.Health(w.Context())
				return err != nil && strings.Contains(err.Error(), place)
			})
			for _, p := range others {
				w.add(p, 1)
			}
			w.until("others that come later are relayed", func() bool { return w.waiting() == 600 })
			end()
			w.until("the partition is relayed", func() bool { return w.waiting() == 0 })
			w.until("the relay is well", func() bool { return w.relay.Health(w.Context()) == nil })
			w.inOrder()
		})
	}
}

// A topic that does not exist is no reason to wait with another one.
func TestATopicThatIsAwayHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.cluster.DeleteTopic(w.config.Topic(event.OrderTopic)); err != nil {
		t.Fatal(err)
	}
	err := w.db.Update(t.Context(), func(tx store.Tx) error {
		for range 600 {
			tx.Outbox.Append(time.Now(), event.OrderCancelled{Order: event.Order{OrderID: storetest.Complete(sqlstore.Options{}).IDs()}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range elsewhere(20) {
		w.add(p, 20)
	}
	w.until("the others are relayed", func() bool { return w.waiting() == 600 })
	if err := w.cluster.CreateTopic(w.config.Topic(event.OrderTopic), event.Partitions, nil); err != nil {
		t.Fatal(err)
	}
	w.until("the topic is relayed", func() bool { return w.waiting() == 0 })
	w.inOrder()
}
