package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// consumeEnvelopes runs a consumer of envelopes until the test ends, and returns what it
// hands over.
func consumeEnvelopes(t *testing.T, c kafka.Config, handle func(event.Received) error) <-chan event.Received {
	t.Helper()
	got := make(chan event.Received, 100)
	consumer, err := kafka.NewEnvelopeConsumer(c, "audit-log", event.Topics(), func(_ context.Context, batch []event.Received) error {
		for _, e := range batch {
			if err := handle(e); err != nil {
				return err
			}
		}
		for _, e := range batch {
			got <- e
		}
		return nil
	}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return got
}

func TestAConsumerOfEnvelopesGetsEveryTypeWithItsPlaceAndDoesNotReadTheData(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 4, 1)
	batch[1].Type, batch[2].Data = "product.exploded", []byte("{")
	publish(t, config, batch)
	got := consumeEnvelopes(t, config, func(event.Received) error { return nil })
	var partition int32
	for i, want := range batch {
		e := <-got
		if i == 0 {
			partition = e.Partition
		}
		if e.ID != want.ID || e.Type != want.Type || !bytes.Equal(e.Data, want.Data) || e.Topic != event.CatalogTopic ||
			e.Offset != int64(i) || e.Partition != partition {
			t.Errorf("event %d came as %+v", i, e)
		}
	}
	raw(t, config, &kgo.Record{Topic: config.Topic(event.CatalogTopic), Value: []byte("{}")})
	letter := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 1)[0]
	if string(letter.Value) != "{}" {
		t.Errorf("the dead letter is %s", letter.Value)
	}
}

func TestAnEnvelopeThatIsRetriedHasItsFirstPlace(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 3, 1)
	publish(t, config, batch)
	tries := 0
	got := consumeEnvelopes(t, config, func(e event.Received) error {
		if e.ID != batch[1].ID {
			return nil
		}
		if e.Offset != 1 || e.Topic != event.CatalogTopic {
			t.Errorf("the event came from %s, offset %d", e.Topic, e.Offset)
		}
		tries++
		if tries <= 2 {
			return errors.New("not yet")
		}
		return nil
	})
	for i, want := range batch {
		if e := <-got; e.ID != want.ID || e.Offset != int64(i) {
			t.Errorf("event %s of offset %d came at place %d", e.ID, e.Offset, i)
		}
	}
}

// Nobody waits for a consumer of envelopes: it fetches much at once.
func TestAConsumerOfEnvelopesLetsRecordsCollect(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	least := make(chan int32, 1)
	cluster.ControlKey(kmsg.Fetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if fetch, ok := r.(*kmsg.FetchRequest); ok {
			select {
			case least <- fetch.MinBytes:
			default:
			}
		}
		return nil, nil, false
	})
	consumeEnvelopes(t, config, func(event.Received) error { return nil })
	if n := <-least; n < 100_000 {
		t.Errorf("it fetches %d bytes", n)
	}
}
