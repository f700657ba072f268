package kafka

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// A handler that hangs must not fill the memory: its partition is paused until the
// queue is shorter.
func TestAPartitionThatFallsBehindIsFetchedNoFurther(t *testing.T) {
	t.Parallel()
	const waiting = 3*queueHigh + 1
	cluster := kfake.MustCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, event.CatalogTopic))
	defer cluster.Close()
	config := Config{Brokers: cluster.ListenAddrs(), Clock: time.Now, Metrics: prometheus.NewRegistry()}
	fill(t, config, waiting)

	blocked, free, all := make(chan struct{}, waiting), make(chan struct{}), make(chan struct{})
	handled := 0
	consumer, err := NewConsumer(config, "slow", []string{event.CatalogTopic}, func(_ context.Context, batch []event.Opened) error {
		blocked <- struct{}{}
		<-free
		if handled += len(batch); handled == waiting {
			close(all)
		}
		if len(batch) > maxBatch {
			t.Errorf("a batch of %d", len(batch))
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	<-blocked
	if most := untilPaused(t, consumer); most > queueHigh+maxPoll {
		t.Errorf("%d records are held in memory", most)
	}
	if err := consumer.exportLag(t.Context()); err != nil {
		t.Error(err)
	}
	if lag := shown(t, config, "commerce_consumer_lag_records"); lag != waiting {
		t.Errorf("the lag is shown as %v, want %d", lag, waiting)
	}
	consumer.exportAges()
	if shown(t, config, "commerce_consumer_lag_seconds") <= 0 {
		t.Error("the lag has no age")
	}
	close(free)
	<-all
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func fill(t *testing.T, c Config, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	records := make([]*kgo.Record, n)
	for i := range records {
		v, err := event.Wrap(id.ID{15: 1}, time.UnixMilli(0), "", event.NewProductLiked(1, id.ID{1}))
		if err != nil {
			t.Fatal(err)
		}
		v.Key = strconv.Itoa(i)
		records[i] = c.encode(v)
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// untilPaused waits until the partition is paused and returns the longest queue
// seen on the way.
func untilPaused(t *testing.T, c *Consumer) (most int) {
	t.Helper()
	c.mu.Lock()
	w := c.workers[partition{event.CatalogTopic, 0}]
	c.mu.Unlock()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 20_000 {
		<-tick.C
		w.queue.mu.Lock()
		most = max(most, len(w.queue.records))
		paused := w.queue.paused
		w.queue.mu.Unlock()
		if paused {
			return most
		}
	}
	t.Fatal("the partition is never paused")
	return 0
}

func shown(t *testing.T, c Config, name string) float64 {
	t.Helper()
	registry, ok := c.Metrics.(*prometheus.Registry)
	if !ok {
		t.Fatal("the tests count in a registry")
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("%s is not shown", name)
	return 0
}
