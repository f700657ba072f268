package kafka_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

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
					t.Errorf("event %d is reported as published", i)
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

func TestAClosedProducerDoesNotPublish(t *testing.T) {
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
		t.Error("what was under way is reported as published")
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
