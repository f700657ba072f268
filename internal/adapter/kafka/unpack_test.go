package kafka_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// padded returns the records of events with a header of so many bytes, which becomes small
// when it is compressed.
func padded(t *testing.T, config kafka.Config, batch []event.Envelope, bytesOfEach int) []*kgo.Record {
	t.Helper()
	publish(t, config, batch)
	records := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), len(batch))
	copies := make([]*kgo.Record, len(records))
	for i, r := range records {
		padding := kgo.RecordHeader{Key: "padding", Value: bytes.Repeat([]byte("x"), bytesOfEach)}
		copies[i] = &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: append(slices.Clone(r.Headers), padding)}
	}
	return copies
}

// inOneBatch sends records in batches that are as large as they get.
func inOneBatch(t *testing.T, config kafka.Config, codec kgo.CompressionCodec, records []*kgo.Record) {
	t.Helper()
	kafkatest.Produce(t, config.Brokers, records, kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec), kgo.StreamingCompression(), kgo.ProducerLinger(time.Second))
}

// Batches that become many times as large come in parts: all of their records come.
func TestBatchesThatBecomeLargeAreConsumed(t *testing.T) {
	t.Parallel()
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
		"gzip": kgo.GzipCompression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := embeddedBroker(t)
			records := padded(t, config, likes(t, 8, 1, 2, 3, 4), 500_000)
			for part := range slices.Chunk(records, 8) {
				inOneBatch(t, config, codec, part)
			}
			seen := newRecorder()
			stop := consume(t, config, seen.handle, quiet())
			seen.await(t, len(records))
			awaitCommitted(t, config, 2*len(records))
			stop()
		})
	}
}

// A batch that is too large to be decompressed is a dead letter, and holds up nothing.
func TestABatchThatIsTooLargeIsADeadLetter(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]string{"in any order": event.RankingGroup, "in order": inOrder} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := embeddedBroker(t)
			records := padded(t, config, likes(t, 40, 1), 900_000)
			inOneBatch(t, config, kgo.ZstdCompression(), records)
			later := likes(t, 42, 1)[40:]
			publish(t, config, later)
			seen := newRecorder()
			consumeAs(t, config, group, seen.handle, quiet())
			seen.await(t, 42)
			letter := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 1)[0]
			if at := kafkatest.Header(letter, kafka.DeadOffset); at != "79" || len(letter.Value) > 0 {
				t.Errorf("the dead letter is of offset %s, with %d bytes", at, len(letter.Value))
			}
			if why := kafkatest.Header(letter, kafka.DeadMessage); !strings.Contains(why, " to 79 has more than 32 MiB") {
				t.Errorf("the reason is %q", why)
			}
		})
	}
}

// awaitCommitted waits until the group has processed n records.
func awaitCommitted(t *testing.T, config kafka.Config, n int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3_000 {
		<-tick.C
		if committed(t, config) == int64(n) {
			return
		}
	}
	t.Fatalf("%d records are processed, want %d", committed(t, config), n)
}
