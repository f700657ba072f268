package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// recorder is a handler that records the ids of events by key; a test can wait
// for them.
type recorder struct {
	mu      sync.Mutex
	changed chan struct{}
	byKey   map[string][]string
}

func newRecorder() *recorder {
	return &recorder{changed: make(chan struct{}), byKey: map[string][]string{}}
}

func (r *recorder) handle(_ context.Context, batch []event.Opened) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range batch {
		r.byKey[o.Key] = append(r.byKey[o.Key], o.ID.String())
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

func (r *recorder) count(keys ...string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, ids := range r.byKey {
		if len(keys) == 0 || slices.Contains(keys, key) {
			n += len(firsts(ids))
		}
	}
	return n
}

// await waits until n different events were seen under the keys.
func (r *recorder) await(t *testing.T, n int, keys ...string) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if r.count(keys...) >= n {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("saw %d events, not %d", r.count(keys...), n)
		}
	}
}

// consume runs a consumer. stop stops it and waits until it has ended.
func consume(t *testing.T, c kafka.Config, handle kafka.Handler, log *slog.Logger) (stop func()) {
	t.Helper()
	return consumeAs(t, c, "ranking", handle, log)
}

// consumeAs is consume as a member of another group.
func consumeAs(t *testing.T, c kafka.Config, group string, handle kafka.Handler, log *slog.Logger) (stop func()) {
	t.Helper()
	consumer, err := kafka.NewConsumer(c, group, event.Topics(), handle, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// another returns the configuration of another process, which has metrics of its
// own.
func another(c kafka.Config) kafka.Config {
	c.Metrics = prometheus.NewRegistry()
	return c
}

func publish(t *testing.T, c kafka.Config, batch []event.Envelope) {
	t.Helper()
	if err := errors.Join(producer(t, c).Publish(t.Context(), batch)...); err != nil {
		t.Fatal(err)
	}
}

func realBrokers(t *testing.T) kafka.Config {
	t.Helper()
	brokers, prefix := kafkatest.Real(t)
	config := kafkatest.Config(brokers, prefix)
	if err := kafka.EnsureTopics(t.Context(), config, quiet()); err != nil {
		t.Fatal(err)
	}
	return config
}

func embeddedBroker(t *testing.T) kafka.Config {
	t.Helper()
	return kafkatest.Prepared(t, kafkatest.Cluster(t))
}

func bothBrokers() map[string]func(*testing.T) kafka.Config {
	return map[string]func(*testing.T) kafka.Config{"embedded": embeddedBroker, "real": realBrokers}
}

func committed(t *testing.T, config kafka.Config) (n int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), config.Prefix+"ranking")
	if err != nil {
		t.Fatal(err)
	}
	offsets.Each(func(o kadm.OffsetResponse) { n += o.At })
	return n
}
