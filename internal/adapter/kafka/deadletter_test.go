package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestAnUnreadableRecordBecomesADeadLetterAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			topic := config.Topic(event.CatalogTopic)
			bad := &kgo.Record{
				Topic: topic, Key: []byte("1"), Value: []byte("\x00not an event"),
				Headers: []kgo.RecordHeader{{Key: "of-its-own", Value: []byte("kept")}}, Timestamp: time.UnixMilli(1_700_000_000_123),
			}
			publish(t, config, likes(t, 5, 1))
			raw(t, config, bad)
			publish(t, config, likes(t, 6, 1)[5:])
			seen := newRecorder()
			consume(t, config, seen.handle, quiet())
			letter := kafkatest.Records(t, config.Brokers, topic+"-dlt", 1)[0]
			seen.await(t, 6)
			headers := map[string]string{}
			for _, h := range letter.Headers {
				headers[h.Key] = string(h.Value)
			}
			for name, want := range map[string]string{
				"of-its-own": "kept", "kafka_dlt-original-topic": topic, "kafka_dlt-original-offset": "5",
				"kafka_dlt-original-timestamp": "1700000000123", "kafka_dlt-original-consumer-group": config.Prefix + "ranking",
				"kafka_dlt-exception-fqcn":    "commerce.UnreadableRecord",
				"kafka_dlt-exception-message": `unreadable event: ce_specversion is "", not 1.0`,
			} {
				if headers[name] != want {
					t.Errorf("%s is %q, want %q", name, headers[name], want)
				}
			}
			if n := metric(t, config, "commerce_consumed_dead_letters_total"); n != 1 {
				t.Errorf("%v dead letters are counted", n)
			}
			if _, there := headers["kafka_dlt-original-partition"]; !there || string(letter.Key) != "1" || string(letter.Value) != "\x00not an event" {
				t.Errorf("the letter is %s %q with %v", letter.Key, letter.Value, headers)
			}
		})
	}
}

func TestOnlyTheEventThatTheHandlerCanMakeNoSenseOfLeavesItsBatch(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	batch := likes(t, 20, 1)
	publish(t, config, batch)
	seen := newRecorder()
	stop := consume(t, config, func(ctx context.Context, part []event.Opened) error {
		for _, o := range part {
			if o.ID == batch[6].ID || o.ID == batch[7].ID {
				return fmt.Errorf("%w: event %s", event.ErrUnreadable, o.ID)
			}
		}
		return seen.handle(ctx, part)
	}, quiet())
	letters := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 2)
	seen.await(t, 18)
	stop()
	for i, letter := range letters {
		if want := batch[6+i]; !bytes.Equal(letter.Value, want.Data) || !slices.ContainsFunc(letter.Headers, func(h kgo.RecordHeader) bool {
			return h.Key == "ce_id" && string(h.Value) == want.ID.String()
		}) {
			t.Errorf("letter %d is %s with %v, want event %s", i, letter.Value, letter.Headers, want.ID)
		}
	}
	if n := committed(t, config); n != 20 {
		t.Errorf("%d of 20 records are committed", n)
	}
}

func TestADeadLetterOfALargeRecordHasHeadersOnly(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	topic := config.Topic(event.CatalogTopic)
	large := &kgo.Record{Topic: topic, Key: []byte("1"), Value: make([]byte, 1_010_000)}
	kafkatest.Produce(t, config.Brokers, []*kgo.Record{large}, kgo.ProducerBatchMaxBytes(1<<20))
	consume(t, config, newRecorder().handle, quiet())
	letter := kafkatest.Records(t, config.Brokers, topic+"-dlt", 1)[0]
	if n := len(letter.Headers); n != 8 || len(letter.Value) > 0 {
		t.Errorf("the letter has %d headers and %d bytes", n, len(letter.Value))
	}
}

func TestADeadLetterThatCannotBeWrittenIsNotLost(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	topic := config.Topic(event.OrderTopic)
	raw(t, config, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("?")})
	refusals := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic + "-dlt", Err: kerr.TopicAuthorizationFailed, Count: -1})
	stop := consume(t, config, newRecorder().handle, quiet())
	if err := refusals.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	stop() // during the retries: the next member starts with the same record
	refusals.Remove()
	consume(t, another(config), newRecorder().handle, quiet())
	kafkatest.Records(t, config.Brokers, topic+"-dlt", 1)
}
