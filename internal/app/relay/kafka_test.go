package relay_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// Two relays use one real outbox, and one of them ignores leases, while the
// broker refuses, times out and drops connections.
func TestTheOrderOfAKeySurvivesFaultsAndASecondRelay(t *testing.T) {
	t.Parallel()
	const products, each = 7, 120
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	db := storetest.SQLite(t, sqlstore.Options{})
	faults(cluster)
	for n := range 2 {
		out, err := kafka.NewProducer(config, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(out.Close)
		p := relay.Config{
			DB: db, Publisher: cancelling{out}, Another: another(config), Announcer: db, Committed: db.Committed(), Noticed: db.Noticed(), Meter: &meter{},
			Clock: time.Now, Random: rand.Float64, Holder: string(rune('A' + n)),
		}
		if n == 1 {
			p.DB = noLeases{db}
		}
		t.Cleanup(run(t, relay.New(p, quiet())))
	}
	for i := range int64(each) {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			for p := range int64(products) {
				tx.Outbox.Append(time.Now(), event.NewStockAdjusted(p+1, i+1, 0, "count"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	waitUntilEmpty(t, db)
	records := kafkatest.All(t, config.Brokers, config.Topic(event.CatalogTopic))
	got, want := firstDeltas(t, records), map[int64][]int64{}
	for p := range int64(products) {
		for i := range int64(each) {
			want[p+1] = append(want[p+1], i+1)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-committed +first occurrences in the log):\n%s", diff)
	}
}

// Between the commit and the consumer nothing waits for a poll.
func TestACommitIsConsumedWithinATenthOfASecond(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	db := storetest.SQLite(t, sqlstore.Options{})
	out, err := kafka.NewProducer(config, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Close)
	t.Cleanup(run(t, relay.New(relay.Config{
		DB: db, Publisher: out, Another: another(config), Announcer: db, Committed: db.Committed(), Noticed: db.Noticed(), Meter: &meter{},
		Clock: time.Now, Random: rand.Float64, Holder: "A",
	}, quiet())))
	seen := make(chan []event.Opened)
	consumer, err := kafka.NewConsumer(config, "test", event.Topics(), func(_ context.Context, batch []event.Opened) error {
		seen <- batch
		return nil
	}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run(t, consumer))
	fastest := time.Hour
	for range 20 { // the first waits for the group to form
		began := time.Now()
		err := db.Update(t.Context(), func(tx store.Tx) error {
			tx.Outbox.Append(time.Now(), event.NewStockDepleted(1))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		<-seen
		fastest = min(fastest, time.Since(began))
	}
	if fastest > 100*time.Millisecond {
		t.Errorf("the fastest took %v", fastest)
	}
}

// faults makes every other of the first produce requests fail, each time with
// another error.
func faults(cluster *kfake.Cluster) {
	for _, err := range []*kerr.Error{
		kerr.TopicAuthorizationFailed, kerr.RequestTimedOut, kerr.NotLeaderForPartition, kerr.UnknownServerError, kerr.NotEnoughReplicas,
	} {
		seen := 0
		cluster.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: 6, Partitions: []int32{0, 1, 2, 3, 4, 5, 6, 7},
			When: func(kmsg.Request) bool {
				seen++
				return seen%2 == 0
			},
		})
	}
}

// cancelling ends the context of some publishes early.
type cancelling struct{ *kafka.Producer }

func (c cancelling) Publish(ctx context.Context, batch []event.Envelope) []error {
	if rand.IntN(4) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(3000))*time.Microsecond)
		defer cancel()
	}
	return c.Producer.Publish(ctx, batch)
}

// another opens publishers.
func another(config kafka.Config) func() (relay.Publisher, func(), error) {
	return func() (relay.Publisher, func(), error) {
		out, err := kafka.NewProbe(config, quiet())
		if err != nil {
			return nil, nil, err
		}
		return out, out.Close, nil
	}
}

// noLeases is a database that gives every lease to everybody.
type noLeases struct{ store.DB }

func (l noLeases) Update(ctx context.Context, fn func(store.Tx) error) error {
	return l.DB.Update(ctx, func(tx store.Tx) error {
		tx.Leases = granted{}
		return fn(tx)
	})
}

type granted struct{}

func (granted) Acquire(_ context.Context, _ string, _ time.Duration, wanted []store.LeaseTerm) ([]store.LeaseTerm, error) {
	return wanted, nil
}

func (granted) Confirm(context.Context, string, store.LeaseTerm) error { return nil }

func (granted) Release(string, []string) {}

func run(t *testing.T, r interface{ Run(context.Context) error }) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// waitUntilEmpty waits until nothing is left in the outbox.
func waitUntilEmpty(t *testing.T, db *sqlstore.DB) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		<-tick.C
		var left int64
		err := db.View(t.Context(), func(tx store.Tx) (err error) {
			left, _, err = tx.Outbox.Backlog(t.Context())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
	}
	t.Fatal("the outbox is not empty")
}

// firstDeltas lists, by product, the deltas in the log without repetitions.
func firstDeltas(t *testing.T, records []*kgo.Record) map[int64][]int64 {
	t.Helper()
	found := map[int64][]int64{}
	for _, r := range records {
		e, err := event.Envelope{Type: "stock.adjusted", Data: r.Value}.Open()
		if err != nil {
			t.Fatal(err)
		}
		s, ok := e.(event.StockAdjusted)
		if !ok {
			t.Fatalf("%T", e)
		}
		if !slices.Contains(found[s.ProductID], s.Delta) {
			found[s.ProductID] = append(found[s.ProductID], s.Delta)
		}
	}
	return found
}
