package kafka_test

import (
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestTheOutboxIsShown(t *testing.T) {
	t.Parallel()
	config := kafkatest.Config(nil, "")
	m := kafka.NewOutboxMeter(config.Metrics)
	m.Backlog(3, 1500*time.Millisecond)
	m.Relayed(4)
	m.Relayed(5)
	for name, want := range map[string]float64{
		"commerce_outbox_waiting_events": 3, "commerce_outbox_oldest_seconds": 1.5, "commerce_outbox_relayed_total": 9,
	} {
		if got := metric(t, config, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestConsumersOfOneProcessShareTheirMetrics(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	first, second := newLedger(), newLedger()
	stop := consume(t, config, first.note, quiet())
	defer stop()
	defer consume(t, config, second.note, quiet())()
	publish(t, config, likes(t, 2, 1))
	patience := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for metric(t, config, "commerce_consumed_records_total") < 2 {
		select {
		case <-tick.C:
		case <-patience:
			t.Fatal("what both have consumed is not counted")
		}
	}
}
