package bench_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

const (
	relayedEvents = 300_000
	relayedGoal   = 0.8
	gaugedEvents  = 2_500_000
	gaugeTimes    = 50
	gaugeGoal     = 0.05 // of what it takes to count all
)

// BenchmarkRelaying compares how fast commerce-api sends the events that wait while somebody holds a
// snapshot open, so that PostgreSQL cannot remove what is deleted, with how fast it sends them alone.
func BenchmarkRelaying(b *testing.B) {
	program := build(b, b.TempDir(), "../../../../cmd/commerce-api")
	comparison{
		unit: "events/s", goal: relayedGoal,
		ours:     side{"beside an open snapshot", func(b *testing.B) float64 { b.Helper(); return relays(b, program, true) }},
		baseline: side{fmt.Sprintf("%d events alone", relayedEvents), func(b *testing.B) float64 { b.Helper(); return relays(b, program, false) }},
	}.run(b)
}

// relays returns how many events are sent in a second, from the first one on.
func relays(b *testing.B, api string, open bool) float64 {
	b.Helper()
	s := openOrderShop(b)
	if open {
		end := s.openSnapshot(b)
		defer end()
	}
	s.promise(b, relayedEvents)
	brokers, prefix := kafkatest.Real(b)
	config := s.env.Kafka(brokers, prefix, "bench")
	if err := kafka.EnsureTopics(b.Context(), config, s.env.Log); err != nil {
		b.Fatal(err)
	}
	address := freeAddress(b)
	_, port, _ := strings.Cut(address, ":")
	p := start(b, address, "/api/v1/products?size=1", api,
		"--database-url", s.address, "--kafka-brokers", strings.Join(brokers, ","), "--kafka-topic-prefix", prefix,
		"--redis-url", os.Getenv("TEST_REDIS_URL"), "--redis-key-prefix", redistest.Real(b, time.Now).Prefix,
		"--auth-jwt-secret", strings.Repeat("k", 32), "--port", port, "--management-port", "0", "--log-level", "warn")
	defer p.stopped()
	sent := func() (n int64) {
		for _, partitions := range endsOf(b, config) {
			for _, end := range partitions {
				n += end.Offset
			}
		}
		return n
	}
	first, began := sent(), time.Now()
	for sent() < relayedEvents {
		if !backoff.Wait(b.Context(), 50*time.Millisecond) || time.Since(began) > 5*time.Minute {
			b.Fatal("the events are not sent")
		}
	}
	rate := float64(relayedEvents-first) / time.Since(began).Seconds()
	fmt.Printf("an open snapshot: %t: %.0f events/s\n", open, rate)
	return rate
}

// openSnapshot keeps a snapshot open until end is called.
func (s *orderShop) openSnapshot(b *testing.B) (end func()) {
	b.Helper()
	ctx := context.WithoutCancel(b.Context())
	conn, err := pgx.Connect(ctx, s.address)
	if err == nil {
		_, err = conn.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT COUNT(*) FROM outbox`)
	}
	if err != nil {
		b.Fatal(err)
	}
	return func() { _ = conn.Close(ctx) }
}

// promise appends events of different keys to the outbox.
func (s *orderShop) promise(b *testing.B, events int) {
	b.Helper()
	s.exec(b, `SET synchronous_commit = off`)
	const each = 5_000
	for n := 0; n < events; n += each {
		err := s.db.Update(b.Context(), func(tx store.Tx) error {
			for pid := range int64(each) {
				tx.Outbox.Append(s.env.Clock(), event.NewStockDepleted(int64(n)+pid+1))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	s.exec(b, `VACUUM ANALYZE outbox`)
}

// BenchmarkGauge measures how many events wait, when very many do. The relay does so once a second.
func BenchmarkGauge(b *testing.B) {
	s := openOrderShop(b)
	s.promise(b, 5_000)
	for _, waiting := range []int{5_000, gaugedEvents} {
		s.exec(b, fmt.Sprintf(`
			INSERT INTO outbox (event_id, lane, bucket, topic, key, type, time_us, sequence, traceparent, data)
			SELECT gen_random_uuid(), o.lane, o.bucket, o.topic, o.key, o.type, o.time_us, o.sequence, o.traceparent, o.data
			FROM outbox o, generate_series(1, %d)`, waiting/5_000-1))
		s.exec(b, `VACUUM ANALYZE outbox`)
		took := func(measure func(tx store.Tx) error) time.Duration {
			began := time.Now()
			for range gaugeTimes {
				if err := s.db.View(b.Context(), measure); err != nil {
					b.Fatal(err)
				}
			}
			return time.Since(began) / gaugeTimes
		}
		var seen store.Backlog
		ours := took(func(tx store.Tx) (err error) {
			seen, err = tx.Queues.Measure(b.Context(), 0)
			return err
		})
		count := took(func(tx store.Tx) error {
			_, _, err := tx.Outbox.Backlog(b.Context())
			return err
		})
		ratio := ours.Seconds() / count.Seconds()
		fmt.Printf("%8d events wait, %8d are shown: %.2f ms a second; to count them all: %.1f ms; ratio %.3f (of very many at most %.2f)\n",
			waiting, seen.Waiting, ours.Seconds()*1e3, count.Seconds()*1e3, ratio, gaugeGoal)
		b.ReportMetric(ratio, "ratio")
	}
	b.ReportMetric(0, "ns/op")
}
