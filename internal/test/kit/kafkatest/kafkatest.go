// Package kafkatest gives tests a Kafka, an embedded one or topics of their own on the
// real one, and reads topics.
package kafkatest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
)

// Cluster starts an embedded broker, into which a test can inject faults.
func Cluster(tb testing.TB, options ...kfake.Opt) *kfake.Cluster {
	tb.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cluster.Close)
	return cluster
}

// Broker starts an embedded broker and returns its address.
func Broker(tb testing.TB) []string {
	tb.Helper()
	return Cluster(tb).ListenAddrs()
}

// Real returns the brokers that TEST_KAFKA_BROKERS names and a prefix that no
// other test uses. The topics with that prefix are deleted after the test.
func Real(tb testing.TB) (brokers []string, prefix string) {
	tb.Helper()
	list := os.Getenv("TEST_KAFKA_BROKERS")
	if list == "" {
		tb.Fatal("TEST_KAFKA_BROKERS is not set: run `make services` and use `make test`")
	}
	brokers = strings.Split(list, ",")
	prefix = "test-" + strings.ToLower(rand.Text()[:10]) + "-"
	tb.Cleanup(func() { sweep(tb, brokers, prefix) })
	return brokers, prefix
}

func sweep(tb testing.TB, brokers []string, prefix string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) //nolint:usetesting // the test's own context has ended
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		tb.Errorf("the topics of this test are not deleted: %v", err)
		return
	}
	var ours []string
	for _, name := range topics.Names() {
		if strings.HasPrefix(name, prefix) {
			ours = append(ours, name)
		}
	}
	if len(ours) == 0 {
		return
	}
	if _, err := admin.DeleteTopics(ctx, ours...); err != nil {
		tb.Errorf("the topics of this test are not deleted: %v", err)
	}
}

// Config returns a configuration for tests, with metrics of its own.
func Config(brokers []string, prefix string) kafka.Config {
	return kafka.Config{
		Brokers: brokers, Prefix: prefix, ClientID: "test",
		Clock:  time.Now,
		Random: func() float64 { return 0.5 }, Metrics: prometheus.NewRegistry(),
	}
}

// Prepared returns a configuration for an embedded broker, with its topics created.
func Prepared(tb testing.TB, cluster *kfake.Cluster) kafka.Config {
	tb.Helper()
	config := Config(cluster.ListenAddrs(), "shop-")
	if err := kafka.EnsureTopics(tb.Context(), config, slog.New(slog.DiscardHandler)); err != nil {
		tb.Fatal(err)
	}
	return config
}
