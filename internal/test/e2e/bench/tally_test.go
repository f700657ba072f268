package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// BenchmarkTally counts what two topics hold: from the start of the consumer,
// of a group that is new, until the offsets of the last records are committed.
func BenchmarkTally(b *testing.B) {
	s := openOrderShop(b)
	brokers, prefix := kafkatest.Real(b)
	r := &recount{orderShop: s, config: s.world.Kafka(brokers, prefix, "bench"), board: redistest.Real(b, s.world.Clock)}
	r.told = tell(b, s, r.config)
	r.streamer = s.open(b, s.address)
	var err error
	if r.client, err = kgo.NewClient(kgo.SeedBrokers(brokers...)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.client.Close)
	contest{
		unit: "events/s", goal: 0.5,
		ours: side{"commerce-streamer", r.ours}, limit: side{"bare consumer", func(b *testing.B) float64 { b.Helper(); return r.bare(b, false) }},
		besides: []side{{"bare, each event once", func(b *testing.B) float64 { b.Helper(); return r.bare(b, true) }}},
	}.hold(b)
}

// recount is a place to count the same events again and again.
type recount struct {
	*orderShop

	told     *told
	config   kafka.Config
	board    redistest.Board
	streamer *sqlstore.DB
	client   *kgo.Client
	groups   int
}

// ours is what commerce-streamer does with events.
func (r *recount) ours(b *testing.B) float64 {
	b.Helper()
	r.forget(b)
	count := tally.New(r.streamer, r.board, ranking.DefaultWeights(), r.world.Clock, r.world.Log)
	config := r.config
	config.Metrics = prometheus.NewRegistry()
	rate := r.time(b, func(group string) (consumer, error) {
		return kafka.NewConsumer(config, group, event.Topics(), count.Handle, r.world.Log)
	})
	r.check(b, count)
	return rate
}

func (r *recount) bare(b *testing.B, marks bool) float64 {
	b.Helper()
	r.forget(b)
	rate := r.time(b, func(group string) (consumer, error) { return newBare(r.config, group, r.orderShop, marks) })
	r.expect(b, "SUM(views)::bigint FROM product_metrics", r.told.touches)
	r.expect(b, "COUNT(*) FROM product_metrics", int64(len(r.told.counts)))
	if marks {
		r.expect(b, "COUNT(*) FROM event_handled", toldEvents)
	}
	return rate
}

// forget makes every event a fresh one.
func (r *recount) forget(b *testing.B) {
	b.Helper()
	r.exec(b, `TRUNCATE event_handled, product_metrics; UPDATE products SET like_count = 0 WHERE like_count <> 0`)
	r.exec(b, `VACUUM ANALYZE products`)
	keys, err := r.board.Client.Keys(b.Context(), r.board.Prefix+"*").Result()
	if err == nil && len(keys) > 0 {
		err = r.board.Client.Del(b.Context(), keys...).Err()
	}
	if err != nil {
		b.Fatal(err)
	}
}

// consumer reads topics as the member of a group until ctx ends.
type consumer interface {
	Run(ctx context.Context) error
}

// time lets a consumer of a new group read the topics, and returns events per
// second.
func (r *recount) time(b *testing.B, join func(group string) (consumer, error)) float64 {
	b.Helper()
	r.groups++
	group := fmt.Sprint("bench-", r.groups)
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	begun := time.Now()
	c, err := join(group)
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	r.awaitCommits(b, r.config.Prefix+group, done)
	took := time.Since(begun)
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	if _, err := kadm.NewClient(r.client).DeleteGroup(b.Context(), r.config.Prefix+group); err != nil {
		b.Fatal(err)
	}
	return toldEvents / took.Seconds()
}

// awaitCommits returns when the group has committed all that the topics hold.
func (r *recount) awaitCommits(b *testing.B, group string, ended <-chan error) {
	b.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		offsets, err := kadm.NewClient(r.client).FetchOffsets(b.Context(), group)
		if err != nil {
			b.Fatal(err)
		}
		behind := 0
		r.told.ends.Each(func(end kadm.ListedOffset) {
			if at, ok := offsets.Lookup(end.Topic, end.Partition); end.Offset > 0 && (!ok || at.At < end.Offset) {
				behind++
			}
		})
		if behind == 0 {
			return
		}
		select {
		case err := <-ended:
			b.Fatalf("the consumer ended: %v", err)
		case <-look.C:
		}
	}
}
