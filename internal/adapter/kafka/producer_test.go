package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/kafka/kafkatest"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// likes returns n likes of each product, taking turns; ids count up from 1.
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

// firsts drops what was seen before.
func firsts(ids []string) []string {
	var once []string
	for _, v := range ids {
		if !slices.Contains(once, v) {
			once = append(once, v)
		}
	}
	return once
}

func TestPublishedEventsAreInKafkaInOrderOfTheirKeys(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			batch := likes(t, 50, 1, 2, 3, 4, 5)
			for i, err := range producer(t, config).Publish(t.Context(), batch) {
				if err != nil {
					t.Fatalf("event %d: %v", i, err)
				}
			}
			got := idsByKey(kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), len(batch)))
			for key, ids := range got {
				if len(ids) != 50 || !slices.IsSorted(ids) {
					t.Errorf("key %s has %v", key, ids)
				}
			}
			if len(got) != 5 {
				t.Errorf("%d keys", len(got))
			}
		})
	}
}

// An event whose topic cannot be found may be followed by others of its key.
func TestNothingIsSentUnlessAllOfTheBatchCanBe(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	batch := likes(t, 20, 1, 2, 3)
	batch[31].Topic = "no-such-topic"
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	p := producer(t, config)
	if _, failed := keysOf(batch, p.Publish(ctx, batch)); len(failed) != len(batch) {
		t.Errorf("%d of %d events failed", len(failed), len(batch))
	}
	if found := kafkatest.All(t, config.Brokers, config.Topic(event.CatalogTopic)); len(found) != 0 {
		t.Errorf("%d events were sent", len(found))
	}
	batch[31].Topic = event.CatalogTopic
	if failed, _ := keysOf(batch, p.Publish(t.Context(), batch)); len(failed) != 0 {
		t.Errorf("keys %v fail afterwards", failed)
	}
	checkOrder(t, config, batch)
}

func TestARefusedPartitionFailsFromTheFirstRefusalOn(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	p := producer(t, config)
	batch := likes(t, 20, 1, 2, 3, 4, 5, 6, 7, 8)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Partitions: []int32{0, 1, 2, 3, 4, 5}})
	first := p.Publish(t.Context(), batch)
	failed, again := keysOf(batch, first)
	if len(failed) == 0 || len(failed) == 8 {
		t.Fatalf("keys %v failed, want some", failed)
	}
	for i, err := range first {
		if slices.Contains(failed, batch[i].Key) != errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("event %d of key %s: %v", i, batch[i].Key, err)
		}
	}
	if left, _ := keysOf(again, p.Publish(t.Context(), again)); len(left) != 0 {
		t.Errorf("keys %v fail although the brokers are well again", left)
	}
	checkOrder(t, config, batch)
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

// checkOrder checks that all of the batch is there, and the first occurrences
// under each key are in order.
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

func TestAnswersThatGetLostRepeatNothingAndLoseNothing(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	batch := likes(t, 20, 1, 2, 3)
	// The brokers write the batch and answer that it timed out.
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 2})
	if failed, _ := keysOf(batch, producer(t, config).Publish(t.Context(), batch)); len(failed) != 0 {
		t.Fatalf("keys %v failed", failed)
	}
	for key, ids := range idsByKey(kafkatest.All(t, config.Brokers, config.Topic(event.CatalogTopic))) {
		if len(firsts(ids)) != len(ids) {
			t.Errorf("key %s has repetitions: %v", key, ids)
		}
	}
}

func TestACancelledPublishIsRepeatedInOrder(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	p := producer(t, config)
	batch := likes(t, 30, 1, 2, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		return nil, errors.New("the connection breaks"), true
	})
	_, failed := keysOf(batch, p.Publish(ctx, batch))
	if len(failed) != len(batch) {
		t.Errorf("%d of %d events failed", len(failed), len(batch))
	}
	if left, _ := keysOf(failed, p.Publish(t.Context(), failed)); len(left) != 0 {
		t.Fatalf("keys %v fail afterwards", left)
	}
	checkOrder(t, config, batch)
}

func TestAnEventTooLargeHoldsBackItsKeyOnly(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	batch := likes(t, 3, 1, 2)
	batch[2].Data = []byte(`"` + strings.Repeat("x", 1_000_000) + `"`)
	errs := producer(t, config).Publish(t.Context(), batch)
	if !errors.Is(errs[2], kafka.ErrTooLarge) || !errors.Is(errs[4], kafka.ErrHeldBack) {
		t.Errorf("got %v and %v", errs[2], errs[4])
	}
	if err := errors.Join(errs[0], errs[1], errs[3], errs[5]); err != nil {
		t.Errorf("others were held back: %v", err)
	}
}

func TestOneAfterAnotherMayPublishAtOnce(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	p := producer(t, config)
	var all sync.WaitGroup
	for n := range int64(8) {
		batch := likes(t, 10, n+1)
		all.Go(func() {
			if failed, _ := keysOf(batch, p.Publish(t.Context(), batch)); len(failed) != 0 {
				t.Errorf("keys %v failed", failed)
			}
		})
	}
	all.Wait()
	kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), 80)
}

func TestABrokerThatNeverAnswersHoldsAPublishNoLongerThanItsDeadline(t *testing.T) {
	t.Parallel()
	blackHole := func(t *testing.T) []string {
		t.Helper()
		var config net.ListenConfig
		l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return []string{l.Addr().String()}
	}
	for name, brokers := range map[string][]string{
		"accepts and is silent": blackHole(t),
		"is not there":          {"127.0.0.1:1"},
		"lacks the topic":       kafkatest.Broker(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := producer(t, kafkatest.Config(brokers, "shop-"))
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			defer cancel()
			began := time.Now()
			for i, err := range p.Publish(ctx, likes(t, 5, 1, 2)) {
				if err == nil {
					t.Errorf("event %d is said to be published", i)
				}
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestABrokerThatDiesInTheMiddleHoldsAPublishNoLongerThanItsDeadline(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SleepOutOfOrder())
	config := kafkatest.Prepared(t, cluster)
	p := producer(t, config)
	if err := errors.Join(p.Publish(t.Context(), likes(t, 1, 1, 2))...); err != nil {
		t.Fatal(err)
	}
	stuck := make(chan struct{})
	defer close(stuck)
	cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() { <-stuck })
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if failed, _ := keysOf(likes(t, 1, 1, 2), p.Publish(ctx, likes(t, 1, 1, 2))); len(failed) != 2 {
		t.Errorf("only %v failed", failed)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAProducerThatIsClosedPublishesNoMore(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SleepOutOfOrder())
	config := kafkatest.Prepared(t, cluster)
	p, err := kafka.NewProducer(config, quiet())
	if err != nil {
		t.Fatal(err)
	}
	asked, stuck := make(chan struct{}), make(chan struct{})
	defer close(stuck)
	cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(asked)
		cluster.SleepControl(func() { <-stuck })
		return nil, nil, false
	})
	results := make(chan []error, 1)
	go func() { results <- p.Publish(t.Context(), likes(t, 1, 1)) }()
	<-asked
	p.Close()
	if err := (<-results)[0]; err == nil {
		t.Error("what was under way is said to be published")
	}
	if err := p.Publish(t.Context(), likes(t, 1, 1))[0]; !errors.Is(err, kgo.ErrClientClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestPingNamesTheBrokersThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := producer(t, kafkatest.Config([]string{"127.0.0.1:1"}, "")).Ping(ctx)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
	if err := producer(t, kafkatest.Config(kafkatest.Broker(t), "")).Ping(t.Context()); err != nil {
		t.Errorf("a broker that is there: %v", err)
	}
}

func BenchmarkPublish(b *testing.B) {
	config := kafkatest.Prepared(b, kafkatest.Cluster(b))
	p := producer(b, config)
	for _, n := range []int{1, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			batch := likes(b, n, 1)
			for b.Loop() {
				if err := errors.Join(p.Publish(b.Context(), batch)...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
