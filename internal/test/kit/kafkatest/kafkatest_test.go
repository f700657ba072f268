package kafkatest_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestFirstOccurrencesLeavesOutRepeatedEvents(t *testing.T) {
	t.Parallel()
	var all []*kgo.Record
	for _, id := range []string{"1", "2", "1", "3", "2"} {
		all = append(all, &kgo.Record{Topic: "orders", Headers: []kgo.RecordHeader{{Key: "ce_type", Value: []byte("x")}, {Key: "ce_id", Value: []byte(id)}}})
	}
	first, repeated := kafkatest.FirstOccurrences(all)
	if len(first) != 3 || repeated != 2 || first[2] != all[3] {
		t.Errorf("%d first records, %d repeated", len(first), repeated)
	}
}

func TestAllTopicsReadsEveryTopicWithThePrefix(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "a-one", "a-two", "b-one"))
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for topic, n := range map[string]int{"a-one": 2, "a-two": 1, "b-one": 4} {
		for range n {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := kafkatest.AllTopics(t, cluster.ListenAddrs(), "a-"); len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
}
