package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// ledger remembers what a handler was given, and lets a test wait for it.
type ledger struct {
	mu      sync.Mutex
	changed chan struct{}
	byKey   map[string][]string
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{}), byKey: map[string][]string{}} }

func (l *ledger) note(_ context.Context, batch []event.Opened) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range batch {
		l.byKey[o.Key] = append(l.byKey[o.Key], o.ID.String())
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

func (l *ledger) count(keys ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, ids := range l.byKey {
		if len(keys) == 0 || slices.Contains(keys, key) {
			n += len(firsts(ids))
		}
	}
	return n
}

// await waits until n different events were seen under the keys.
func (l *ledger) await(t *testing.T, n int, keys ...string) {
	t.Helper()
	patience := time.After(30 * time.Second)
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if l.count(keys...) >= n {
			return
		}
		select {
		case <-changed:
		case <-patience:
			t.Fatalf("saw %d events, not %d", l.count(keys...), n)
		}
	}
}

// consume runs a consumer and returns what stops it and waits for its end.
func consume(t *testing.T, c kafka.Config, handle kafka.Handler, log *slog.Logger) (stop func()) {
	t.Helper()
	consumer, err := kafka.NewConsumer(c, "ranking", event.Topics(), handle, log)
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
