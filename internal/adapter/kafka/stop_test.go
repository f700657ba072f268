package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// unanswered makes a broker never answer requests of a kind, and says when one came.
func unanswered(t *testing.T, cluster *kfake.Cluster, kind kmsg.Key, asked func()) {
	t.Helper()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	cluster.ControlKey(int16(kind), func(kmsg.Request) (kmsg.Response, error, bool) {
		asked()
		cluster.SleepControl(func() { <-stuck })
		return nil, nil, false
	})
}

func TestAConsumerStopsWhileADeadLetterHangs(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, cluster *kfake.Cluster, asked func()){
		"produce is never answered": func(t *testing.T, cluster *kfake.Cluster, asked func()) {
			t.Helper()
			unanswered(t, cluster, kmsg.Produce, asked)
		},
		"producer ids are never answered": func(t *testing.T, cluster *kfake.Cluster, asked func()) {
			t.Helper()
			unanswered(t, cluster, kmsg.InitProducerID, asked)
		},
		"producer ids are refused": func(_ *testing.T, cluster *kfake.Cluster, asked func()) {
			cluster.ControlKey(int16(kmsg.InitProducerID), func(request kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				asked()
				refused := kmsg.NewPtrInitProducerIDResponse()
				refused.Version = request.GetVersion()
				refused.ErrorCode = kerr.CoordinatorLoadInProgress.Code
				return refused, nil, true
			})
		},
		"produce is not answered and then all are gone": func(_ *testing.T, cluster *kfake.Cluster, asked func()) {
			cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				asked()
				go cluster.Close()
				return nil, context.Canceled, true
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t, kfake.SleepOutOfOrder())
			config := kafkatest.Prepared(t, cluster)
			raw(t, config, &kgo.Record{Topic: config.Topic(event.OrderTopic), Key: []byte("k"), Value: []byte("?")})
			c, err := kafka.NewConsumer(config, "test", event.Topics(), newRecorder().handle, quiet())
			if err != nil {
				t.Fatal(err)
			}
			asked := make(chan struct{}, 1)
			harm(t, cluster, func() {
				select {
				case asked <- struct{}{}:
				default:
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			<-asked
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Error("it has not stopped after 30 seconds")
			}
		})
	}
}
