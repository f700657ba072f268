package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

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

func TestAnEventOfAnUnknownTopicHoldsBackOnlyItsTopic(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	batch := likes(t, 20, 1, 2, 3)
	batch[31].Topic = "no-such-topic"
	errs := producer(t, config).Publish(t.Context(), batch)
	for i, err := range errs {
		if (err != nil) != (i == 31) {
			t.Errorf("event %d: %v", i, err)
		}
	}
	checkOrder(t, config, slices.Delete(batch, 31, 32))
}

// What the brokers say of a record must not be taken for a fault of the partition, and
// the other way round.
func TestErrorsAboutAnEventAreToldApartFromOthers(t *testing.T) {
	t.Parallel()
	for err, unsendable := range map[*kerr.Error]bool{
		kerr.MessageTooLarge: true, kerr.RecordListTooLarge: true, kerr.InvalidRecord: true,
		kerr.NotEnoughReplicas: false, kerr.NotEnoughReplicasAfterAppend: false, kerr.TopicAuthorizationFailed: false, kerr.InvalidTimestamp: false,
		kerr.CorruptMessage: false, kerr.UnknownServerError: false, kerr.ClusterAuthorizationFailed: false, kerr.UnsupportedForMessageFormat: false,
	} {
		t.Run(err.Message, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t)
			config := kafkatest.Prepared(t, cluster)
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: -1})
			got := producer(t, config).Publish(t.Context(), likes(t, 1, 1))[0]
			if got == nil || errors.Is(got, event.ErrUnsendable) != unsendable {
				t.Errorf("got %v", got)
			}
		})
	}
}

// The bucket of an event in the outbox is the partition that the client chooses.
func TestTheClientChoosesThePartitionOfTheEvent(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	batch := likes(t, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 123456789012)
	if failed, _ := keysOf(batch, producer(t, config).Publish(t.Context(), batch)); len(failed) != 0 {
		t.Fatalf("keys %v failed", failed)
	}
	for _, r := range kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), len(batch)) {
		if want := event.PartitionOf(string(r.Key)); int(r.Partition) != want {
			t.Errorf("key %s is in partition %d, want %d", r.Key, r.Partition, want)
		}
	}
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
		t.Errorf("keys %v fail although the brokers work again", left)
	}
	checkOrder(t, config, batch)
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

func TestAnEventThatIsTooLargeHoldsBackOnlyItsKey(t *testing.T) {
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

func TestConcurrentPublishesTakeTurns(t *testing.T) {
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

// A broker answers a request as a whole. One partition whose replicas are gone holds up the
// others until the broker gives up on it.
func TestABrokerWaitsForReplicasForSecondsOnly(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	probe, err := kafka.NewProbe(config, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	for name, p := range map[string]*kafka.Producer{"producer": producer(t, config), "probe": probe} {
		var waits atomic.Int32
		cluster.ControlKey(kmsg.Produce.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			if produce, ok := r.(*kmsg.ProduceRequest); ok {
				waits.Store(produce.TimeoutMillis)
			}
			return nil, nil, false
		})
		if err := errors.Join(p.Publish(t.Context(), likes(t, 1, 1))...); err != nil {
			t.Fatal(err)
		}
		if n := waits.Load(); n < 1000 || n > 3000 {
			t.Errorf("%s: a broker may wait for %d ms", name, n)
		}
	}
}
