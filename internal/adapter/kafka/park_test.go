package kafka_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// inOrder is the group that needs the order of a key.
const inOrder = event.AuditGroup

// stubborn is a handler that refuses one event a number of times.
type stubborn struct {
	recorder *recorder
	guilty   id.ID
	refusals int

	mu    sync.Mutex
	tries int
}

func (h *stubborn) handle(ctx context.Context, batch []event.Opened) error {
	if slices.ContainsFunc(batch, func(o event.Opened) bool { return o.ID == h.guilty }) {
		if len(batch) > 1 {
			return errors.New("one of them cannot be processed")
		}
		h.mu.Lock()
		h.tries++
		refused := h.tries <= h.refusals
		h.mu.Unlock()
		if refused {
			return errors.New("not yet")
		}
	}
	return h.recorder.handle(ctx, batch)
}

// order returns the ids of the events of the key 1.
func order(batch []event.Envelope) (ids []string) {
	for _, v := range batch {
		if v.Key == "1" {
			ids = append(ids, v.ID.String())
		}
	}
	return ids
}

// An event that fails holds up the later events of its key, and no other key.
func TestTheEventsOfAKeyStayInOrderWhileOneIsRetried(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			batch := likes(t, 50, 1, 2, 3)
			publish(t, config, batch)
			h := &stubborn{recorder: newRecorder(), guilty: batch[30].ID, refusals: 2} // of key 1
			consumeAs(t, config, inOrder, h.handle, quiet())
			h.recorder.await(t, 100, "2", "3")
			h.mu.Lock()
			if h.tries > 1 {
				t.Errorf("the other keys waited for %d attempts", h.tries)
			}
			h.mu.Unlock()
			h.recorder.await(t, 150)
			if got := firsts(h.recorder.byKey["1"]); !slices.Equal(got, order(batch)) {
				t.Errorf("the events of the key came as %v", got)
			}
			if h.tries != 3 {
				t.Errorf("the event was tried %d times", h.tries)
			}
		})
	}
}

func TestBehindAnEventThatIsGivenUpTheOthersOfItsKeyGoOnInOrder(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 20, 1)
	publish(t, config, batch)
	h := &stubborn{recorder: newRecorder(), guilty: batch[5].ID, refusals: 100}
	consumeAs(t, config, inOrder, h.handle, quiet())
	letter := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 1)[0]
	if got := idsByKey([]*kgo.Record{letter})["1"]; got[0] != h.guilty.String() || h.tries != 3 {
		t.Errorf("the dead letter is %v after %d attempts", got, h.tries)
	}
	h.recorder.await(t, 19)
	want := slices.Delete(order(batch), 5, 6)
	if got := firsts(h.recorder.byKey["1"]); !slices.Equal(got, want) {
		t.Errorf("the events of the key came as %v", got)
	}
}

// A member that takes over learns from the park which keys wait.
func TestTheOrderOfAKeyOutlivesTheMemberThatParkedIt(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 40, 1)
	publish(t, config, batch[:20])
	h := &stubborn{recorder: newRecorder(), guilty: batch[5].ID, refusals: 1}
	stop := consumeAs(t, config, inOrder, h.handle, quiet())
	kafkatest.Records(t, config.Brokers, config.Topic(kafka.ParkTopic(event.CatalogTopic, inOrder)), 15)
	stop()
	publish(t, config, batch[20:])
	consumeAs(t, another(config), inOrder, h.handle, quiet())
	h.recorder.await(t, 40)
	if got := firsts(h.recorder.byKey["1"]); !slices.Equal(got, order(batch)) {
		t.Errorf("the events of the key came as %v", got)
	}
}

// A record that is too large to be written behind another one does not block its
// partition: it is a dead letter without its data.
func TestALargeRecordBehindOneThatFailedBlocksNothing(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 3, 1)
	h := &stubborn{recorder: newRecorder(), guilty: batch[0].ID, refusals: 1}
	publish(t, config, batch[:1])
	first := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), 1)[0]
	large := &kgo.Record{Topic: first.Topic, Partition: first.Partition, Key: first.Key, Value: first.Value, Headers: slices.Clone(first.Headers)}
	large.Headers = append(large.Headers, kgo.RecordHeader{Key: "padding", Value: make([]byte, 1_010_000)})
	kafkatest.Produce(t, config.Brokers, []*kgo.Record{large}, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(1<<20))
	publish(t, config, batch[1:])
	consumeAs(t, config, inOrder, h.handle, quiet())
	h.recorder.await(t, 3)
	letter := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 1)[0]
	if len(letter.Value) > 0 || len(letter.Key) > 0 {
		t.Errorf("the dead letter has %d bytes", len(letter.Value))
	}
}

// The park of a partition is bounded: beyond, the partition waits with the rest.
func TestAParkThatIsFullHoldsUpItsPartition(t *testing.T) {
	t.Parallel()
	const waiting, most, batches = 15_000, 10_000, 3_000
	config := embeddedBroker(t)
	batch := likes(t, waiting, 1)
	publish(t, config, batch)
	var tries atomic.Int64
	free, all := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var got []id.ID
	consumeAs(t, config, inOrder, func(ctx context.Context, part []event.Opened) error {
		if part[0].ID == batch[0].ID {
			if len(part) > 1 {
				return errors.New("one of them cannot be processed")
			}
			if tries.Add(1) == 1 {
				return errors.New("not yet")
			}
			select {
			case <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, o := range part {
			got = append(got, o.ID)
		}
		if len(got) == waiting {
			close(all)
		}
		return nil
	}, quiet())
	awaitMetric(t, config, "commerce_consumed_failures_total")
	if n := len(kafkatest.AllTopics(t, config.Brokers, config.Prefix)) - waiting; n > most+batches {
		t.Errorf("%d records are parked", n)
	}
	close(free)
	<-all
	for i, v := range batch {
		if got[i] != v.ID {
			t.Fatalf("event %d came at place %d", v.ID, i)
		}
	}
}

// A key is shown as free when its records are processed, though no further record comes.
func TestAParkedKeyIsShownAsFreeThoughNoRecordFollows(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 3, 1)
	publish(t, config, batch)
	h := &stubborn{recorder: newRecorder(), guilty: batch[0].ID, refusals: 1}
	consumeAs(t, config, inOrder, h.handle, quiet())
	awaitMetric(t, config, "commerce_consumer_parked_keys")
	h.recorder.await(t, 3)
	awaitMetricThat(t, config, "commerce_consumer_parked_keys", func(n float64) bool { return n == 0 })
}

// awaitMetric waits until a metric is more than 0.
func awaitMetric(t *testing.T, c kafka.Config, name string) {
	t.Helper()
	awaitMetricThat(t, c, name, func(n float64) bool { return n > 0 })
}

func awaitMetricThat(t *testing.T, c kafka.Config, name string, right func(float64) bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3_000 {
		<-tick.C
		if right(metric(t, c, name)) {
			return
		}
	}
	t.Fatalf("%s stays %v", name, metric(t, c, name))
}
