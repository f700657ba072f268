package kafka_test

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// A cluster of kfake that is closed while it wakes a sleeping request may keep a goroutine there.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).continueSleptControl"))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// likes returns n likes of each product, in turn; event ids count up from 1.
func likes(tb testing.TB, n int, products ...int64) []event.Envelope {
	tb.Helper()
	var batch []event.Envelope
	for range n {
		for _, p := range products {
			number := len(batch) + 1
			v, err := event.Wrap(id.ID{14: byte(number >> 8), 15: byte(number)}, time.UnixMilli(1_700_000_000_000), "",
				event.NewProductLiked(p, id.ID{1}))
			if err != nil {
				tb.Fatal(err)
			}
			batch = append(batch, v)
		}
	}
	return batch
}

func producer(tb testing.TB, c kafka.Config) *kafka.Producer {
	tb.Helper()
	p, err := kafka.NewProducer(c, quiet())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// idsByKey lists the ids of records under their keys, in the log's order.
func idsByKey(records []*kgo.Record) map[string][]string {
	found := map[string][]string{}
	for _, r := range records {
		i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == "ce_id" })
		found[string(r.Key)] = append(found[string(r.Key)], string(r.Headers[i].Value))
	}
	return found
}

// firsts returns the ids without repetitions.
func firsts(ids []string) []string {
	var once []string
	for _, v := range ids {
		if !slices.Contains(once, v) {
			once = append(once, v)
		}
	}
	return once
}

// keysOf returns the keys with a failure, and the events that failed.
func keysOf(batch []event.Envelope, errs []error) (keys []string, failed []event.Envelope) {
	for i, err := range errs {
		if err == nil {
			continue
		}
		failed = append(failed, batch[i])
		if !slices.Contains(keys, batch[i].Key) {
			keys = append(keys, batch[i].Key)
		}
	}
	return keys, failed
}

// checkOrder checks that the topic has every event of the batch, and that the first
// occurrences of each key are in order.
func checkOrder(t *testing.T, config kafka.Config, batch []event.Envelope) {
	t.Helper()
	got := idsByKey(kafkatest.All(t, config.Brokers, config.Topic(event.CatalogTopic)))
	want := map[string][]string{}
	for _, v := range batch {
		want[v.Key] = append(want[v.Key], v.ID.String())
	}
	for key := range want {
		if !slices.Equal(firsts(got[key]), want[key]) {
			t.Errorf("key %s: %v, want %v", key, got[key], want[key])
		}
	}
}

func raw(t *testing.T, config kafka.Config, records ...*kgo.Record) {
	t.Helper()
	kafkatest.Produce(t, config.Brokers, records)
}

// logBuffer is a log that several goroutines can write and read.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
