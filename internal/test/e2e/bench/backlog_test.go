package bench_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// backlogMemory is the most that commerce-streamer may use, in MB, however many events
// wait.
const backlogMemory = 256

// BenchmarkBacklog starts commerce-streamer when 100,000 and when 2,000,000 events wait,
// and stops it when it has counted them all.
func BenchmarkBacklog(b *testing.B) {
	streamer := build(b, b.TempDir(), "../../../../cmd/commerce-streamer")
	for _, waiting := range []int{100_000, 2_000_000} {
		took, megabytes := catchUp(b, streamer, waiting)
		fmt.Printf("%8d events wait: %6.0f events/s, %d MB (at most %d)\n", waiting, float64(waiting)/took.Seconds(), megabytes, backlogMemory)
		if megabytes > backlogMemory {
			b.Errorf("%d events: %d MB", waiting, megabytes)
		}
	}
}

// catchUp runs commerce-streamer until it has counted the events that wait.
func catchUp(b *testing.B, program string, waiting int) (took time.Duration, megabytes int64) {
	b.Helper()
	s := openOrderShop(b)
	brokers, prefix := kafkatest.Real(b)
	config := s.env.Kafka(brokers, prefix, "bench")
	board := redistest.Real(b, s.env.Clock)
	publishViews(b, s, config, waiting)
	cmd := exec.CommandContext(b.Context(), program, "--database-url", s.address, "--kafka-brokers", brokers[0], "--kafka-topic-prefix", prefix,
		"--redis-url", os.Getenv("TEST_REDIS_URL"), "--redis-key-prefix", board.Prefix, "--management-port", "18999", "--log-level", "warn")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	r := &tallyBench{orderShop: s, config: config, events: &events{ends: endsOf(b, config)}}
	var err error
	if r.client, err = kgo.NewClient(kgo.SeedBrokers(brokers...)); err != nil {
		b.Fatal(err)
	}
	defer r.client.Close()
	r.awaitCommits(b, prefix+event.RankingGroup, nil)
	took = time.Since(began)
	r.expect(b, "SUM(views)::bigint FROM product_metrics", int64(waiting))
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		b.Fatal(err)
	}
	_, _ = kadm.NewClient(r.client).DeleteGroup(b.Context(), prefix+event.RankingGroup)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("this system does not tell the memory of a process")
	}
	return took, usage.Maxrss / 1024
}

// publishViews publishes views of all products.
func publishViews(b *testing.B, s *orderShop, c kafka.Config, n int) {
	b.Helper()
	if err := kafka.EnsureTopics(b.Context(), c, s.env.Log); err != nil {
		b.Fatal(err)
	}
	producer, err := kafka.NewProducer(c, s.env.Log)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	for sent := 0; sent < n; sent += publishBatch {
		part := make([]event.Envelope, min(publishBatch, n-sent))
		for i := range part {
			user := userID(1 + i%userCount)
			if part[i], err = event.Wrap(s.env.IDs(), s.env.Clock(), "", event.NewProductViewed(int64(1+(sent+i)%eventProducts), &user)); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(producer.Publish(b.Context(), part)...); err != nil {
			b.Fatal(err)
		}
	}
}
