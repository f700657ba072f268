package kafka_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// enlarge adds partitions to a topic, as somebody may do who operates Kafka.
func enlarge(t *testing.T, config kafka.Config, topic string, partitions int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	results, err := admin.UpdatePartitions(t.Context(), partitions, config.Topic(topic))
	if err = errors.Join(err, results.Error()); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1_500 { // until the brokers know
		ends, err := admin.ListEndOffsets(t.Context(), config.Topic(topic))
		if err == nil && ends.Error() == nil && len(ends[config.Topic(topic)]) == partitions {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s does not get %d partitions", topic, partitions)
}

// ensureUntil looks after the topics, as each program does, until the test ends.
func ensureUntil(t *testing.T, config kafka.Config) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if err := kafka.EnsureTopics(ctx, config, quiet()); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

// inPartition sends events to a partition.
func inPartition(t *testing.T, config kafka.Config, batch []event.Envelope, number int32) {
	t.Helper()
	sample := embeddedBroker(t)
	publish(t, sample, batch)
	records := kafkatest.Records(t, sample.Brokers, sample.Topic(event.CatalogTopic), len(batch))
	for i, r := range records {
		records[i] = &kgo.Record{Topic: config.Topic(event.CatalogTopic), Partition: number, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	kafkatest.Produce(t, config.Brokers, records, kgo.RecordPartitioner(kgo.ManualPartitioner()))
}

// Somebody adds partitions to a topic, and not to the topics in which its records wait to be
// tried again, or end.
func TestRecordsOfNewPartitionsAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		for what, c := range map[string]struct {
			group    string
			refusals int
		}{
			"park": {inOrder, 1}, "retry": {event.RankingGroup, 1},
			"dead letter of a park": {inOrder, 100}, "dead letter of retries": {event.RankingGroup, 100},
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				config := start(t)
				enlarge(t, config, event.CatalogTopic, 24)
				ensureUntil(t, config)
				batch := likes(t, 6, 1)
				inPartition(t, config, batch, 20)
				h := &stubborn{recorder: newRecorder(), guilty: batch[1].ID, refusals: c.refusals}
				consumeAs(t, config, c.group, h.handle, quiet())
				want := order(batch)
				if c.refusals > 1 {
					kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 1)
					want = slices.Delete(want, 1, 2)
				}
				h.recorder.await(t, len(want))
				if got := firsts(h.recorder.byKey["1"]); event.InOrder(c.group) && !slices.Equal(got, want) {
					t.Errorf("the events came as %v", got)
				}
			})
		}
	}
}
