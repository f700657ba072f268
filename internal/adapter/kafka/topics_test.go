package kafka_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestMissingTopicsAreCreatedAndTold(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Config(cluster.ListenAddrs(), "shop-")
	if err := cluster.CreateTopic("shop-order-events", 12, nil); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	if err := kafka.EnsureTopics(t.Context(), config, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shop-catalog-events", "shop-catalog-events-dlt", "shop-order-events-dlt"} {
		if info := cluster.TopicInfo(name); info == nil || len(cluster.PartitionInfos(name)) != 12 {
			t.Errorf("%s does not exist with 12 partitions", name)
		}
		if !strings.Contains(log.String(), "topic="+name+" ") {
			t.Errorf("the log does not name %s:\n%s", name, &log)
		}
	}
	if strings.Contains(log.String(), "topic=shop-order-events ") {
		t.Error("a topic that exists is logged as created")
	}
}

func TestProgramsThatStartTogetherAgreeOnTheTopics(t *testing.T) {
	t.Parallel()
	brokers, prefix := kafkatest.Real(t)
	config := kafkatest.Config(brokers, prefix)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := kafka.EnsureTopics(t.Context(), config, quiet()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestTheErrorOfAnUnreachableClusterNamesIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := kafka.EnsureTopics(ctx, kafkatest.Config([]string{"127.0.0.1:1"}, ""), quiet())
	if err == nil || !strings.Contains(err.Error(), "kafka cannot be reached at 127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}
