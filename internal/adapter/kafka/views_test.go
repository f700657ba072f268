package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// views starts a publisher of views; stop stops it.
func views(t *testing.T, c kafka.Config) (v *kafka.Views, stop func()) {
	t.Helper()
	var n atomic.Uint32
	v, err := kafka.NewViews(c, func() id.ID { return id.ID{15: byte(n.Add(1))} }, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	return v, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// metric returns the sum of a counter over the series that have all labels.
func metric(t *testing.T, c kafka.Config, name string, labels ...string) (sum float64) {
	t.Helper()
	found, ok := c.Metrics.(*prometheus.Registry)
	if !ok {
		t.Fatal("the tests count in a registry")
	}
	families, err := found.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && strings.Contains(m.String(), strings.Join(labels, "")) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func outcome(t *testing.T, c kafka.Config, name string) float64 {
	t.Helper()
	return metric(t, c, "commerce_views_total", name)
}

func TestBufferedViewsAreSentAtShutdown(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	at := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	config.Clock = func() time.Time { return at }
	v, stop := views(t, config)
	user := id.ID{9}
	v.Viewed(17, &user)
	v.Viewed(17, nil)
	stop()
	if n := outcome(t, config, "sent"); n != 2 {
		t.Errorf("%v views are counted as sent", n)
	}
	for _, r := range kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), 2) {
		if string(r.Key) != "17" || !strings.Contains(fmt.Sprintf("%s", r.Headers), at.Format(time.RFC3339)[:19]) {
			t.Errorf("a view of %s with %s", r.Key, r.Headers)
		}
	}
}

func TestViewsNeverBlockAndDroppedViewsAreCounted(t *testing.T) {
	t.Parallel()
	config := kafkatest.Config([]string{"127.0.0.1:1"}, "")
	v, stop := views(t, config)
	began := time.Now()
	for range 10_007 {
		v.Viewed(1, nil)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the requests waited %v", took)
	}
	stop()
	if n := outcome(t, config, "dropped"); n != 7 {
		t.Errorf("%v views are counted as dropped, want 7", n)
	}
	if n := outcome(t, config, "failed"); n != 10_000 {
		t.Errorf("%v views are counted as failed", n)
	}
}

// What came late is neither lost silently nor sent.
func TestViewsAfterTheEndFail(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	v, stop := views(t, config)
	v.Viewed(17, nil)
	stop()
	v.Viewed(18, nil)
	if sent, failed := outcome(t, config, "sent"), outcome(t, config, "failed"); sent != 1 || failed != 1 || v.Lost() != 1 {
		t.Errorf("%v sent, %v failed, %d lost", sent, failed, v.Lost())
	}
}

// More views than fit into the buffer at a time are all sent, if they come slowly enough.
func TestTheBufferTakesViewsAgainThatWereSent(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	v, stop := views(t, config)
	for n := range 3 {
		for range 9000 {
			v.Viewed(17, nil)
		}
		for outcome(t, config, "sent") < float64(9000*(n+1)) {
			time.Sleep(time.Millisecond)
		}
	}
	stop()
	if sent := outcome(t, config, "sent"); sent != 27_000 || v.Lost() != 0 {
		t.Errorf("%v sent, %d lost", sent, v.Lost())
	}
	seen := map[string]bool{}
	for _, r := range kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), 27_000) {
		for _, h := range r.Headers {
			if h.Key == "ce_id" {
				seen[string(h.Value)] = true
			}
		}
	}
	if len(seen) != 256 { // the test's ids repeat after that many
		t.Errorf("%d ids", len(seen))
	}
}
