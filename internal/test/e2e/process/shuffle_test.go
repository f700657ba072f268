package process_test

import (
	"math/rand/v2"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// recountedShuffled forgets all counters, and has a streamer count all events of the
// shop again: in random order, and every tenth of them twice.
func (p *production) recountedShuffled() {
	p.t.Helper()
	events := kafkatest.AllTopics(p.t, p.on.Brokers, p.on.Prefix)
	brokers, prefix := kafkatest.Real(p.t)
	for _, forget := range []string{
		`DELETE FROM product_metrics`, `DELETE FROM metric_days`, `DELETE FROM event_handled`, `UPDATE product_likes SET like_count = 0`,
	} {
		p.db.Count(p.t.Context(), `WITH gone AS (`+forget+` RETURNING 1) SELECT COUNT(*) FROM gone`)
	}
	for i, e := range p.on.Env {
		if strings.HasPrefix(e, "KAFKA_TOPIC_PREFIX=") {
			p.on.Env[i] = "KAFKA_TOPIC_PREFIX=" + prefix
		}
	}
	p.service("commerce-streamer") // makes the topics before it is ready
	kafkatest.Produce(p.t, brokers, shuffled(events, p.on.Prefix, prefix))
}

// shuffled returns the records for topics with another prefix.
func shuffled(events []*kgo.Record, from, to string) (records []*kgo.Record) {
	random := rand.New(rand.NewPCG(12, 10))
	for i, e := range events {
		for range 1 + 10*(i%10)/90 { // every tenth twice
			records = append(records, &kgo.Record{
				Topic: to + strings.TrimPrefix(e.Topic, from), Key: e.Key, Value: e.Value, Headers: e.Headers, Timestamp: e.Timestamp,
			})
		}
	}
	random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	return records
}
