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
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// BenchmarkTally counts the events of two topics, from the start of a consumer of a new
// group until the offsets of the last records are committed.
func BenchmarkTally(b *testing.B) {
	r := newTallyBench(b)
	comparison{
		unit: "events/s", goal: 0.75,
		ours: side{"commerce-streamer", r.ours}, baseline: side{"bare consumer", func(b *testing.B) float64 { b.Helper(); return r.bare(b, false) }},
		others: []side{{"bare, each event once", func(b *testing.B) float64 { b.Helper(); return r.bare(b, true) }}},
	}.run(b)
}

// tallyBench counts the same events again and again.
type tallyBench struct {
	*orderShop

	events   *events
	config   kafka.Config
	board    redistest.Board
	streamer *sqlstore.DB
	client   *kgo.Client
	groups   int
	fill     func(b *testing.B) int64 // fills the empty table of marks; nil: nothing
	filled   int64
}

func newTallyBench(b *testing.B) *tallyBench {
	b.Helper()
	s := openOrderShop(b)
	brokers, prefix := kafkatest.Real(b)
	r := &tallyBench{orderShop: s, config: s.env.Kafka(brokers, prefix, "bench"), board: redistest.Real(b, s.env.Clock)}
	r.events = publishEvents(b, s, r.config)
	r.streamer = s.open(b, s.address)
	var err error
	if r.client, err = kgo.NewClient(kgo.SeedBrokers(brokers...)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.client.Close)
	return r
}

// ours is a round of commerce-streamer.
func (r *tallyBench) ours(b *testing.B) float64 {
	b.Helper()
	r.reset(b)
	count := tally.New(r.streamer, r.board, r.env.Clock, r.env.Log)
	config := r.config
	config.Metrics = prometheus.NewRegistry()
	rate := r.time(b, func(group string) (consumer, error) {
		return kafka.NewConsumer(config, group, event.Topics(), count.Handle, r.env.Log)
	})
	r.check(b, count)
	return rate
}

func (r *tallyBench) bare(b *testing.B, marks bool) float64 {
	b.Helper()
	r.reset(b)
	rate := r.time(b, func(group string) (consumer, error) { return newBare(r.config, group, r.orderShop, marks) })
	r.expect(b, "SUM(views)::bigint FROM product_metrics", r.events.touches)
	r.expect(b, "COUNT(*) FROM product_metrics", int64(len(r.events.counts)))
	if marks {
		r.expect(b, "COUNT(*) FROM event_handled", eventCount)
	}
	return rate
}

// reset removes all counters and marks.
func (r *tallyBench) reset(b *testing.B) {
	b.Helper()
	r.exec(b, `TRUNCATE product_metrics; UPDATE product_likes SET like_count = 0 WHERE like_count <> 0`)
	if r.fill == nil {
		r.exec(b, `TRUNCATE event_handled`)
	} else {
		r.filled = r.fill(b)
	}
	r.exec(b, `VACUUM ANALYZE product_likes`)
	keys, err := r.board.Client.Keys(b.Context(), r.board.Prefix+"*").Result()
	if err == nil && len(keys) > 0 {
		err = r.board.Client.Del(b.Context(), keys...).Err()
	}
	if err != nil {
		b.Fatal(err)
	}
}

// consumer reads topics as a member of a group until ctx ends.
type consumer interface {
	Run(ctx context.Context) error
}

// time lets a consumer of a new group read the topics, and returns events per second.
func (r *tallyBench) time(b *testing.B, join func(group string) (consumer, error)) float64 {
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
	return eventCount / took.Seconds()
}

// awaitCommits returns when the group has committed the offsets of all records.
func (r *tallyBench) awaitCommits(b *testing.B, group string, ended <-chan error) {
	b.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		offsets, err := kadm.NewClient(r.client).FetchOffsets(b.Context(), group)
		if err != nil {
			b.Fatal(err)
		}
		behind := 0
		r.events.ends.Each(func(end kadm.ListedOffset) {
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
