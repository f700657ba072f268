package kafkatest

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produce publishes records to topics that exist and waits until they are acknowledged.
// A broker hears of a new topic a moment after its creation is confirmed: Produce tries
// until then.
func Produce(tb testing.TB, brokers []string, records []*kgo.Record, options ...kgo.Opt) {
	tb.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(brokers...), kgo.UnknownTopicRetries(-1))...)
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		tb.Fatal(err)
	}
}
