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

// BenchmarkBacklog starts commerce-streamer when many events wait, small and large ones, and
// stops it when it has counted them all.
func BenchmarkBacklog(b *testing.B) {
	streamer := build(b, b.TempDir(), "../../../../cmd/commerce-streamer")
	for _, c := range []struct {
		what    string
		waiting int
		lines   int // of each order; 0: views
	}{
		{"views", 100_000, 0},
		{"views", 2_000_000, 0},
		{"orders of 1,000 lines", 3_000, 1_000},
		{"orders of 900 kB", 300, 15_000},
	} {
		b.Run(fmt.Sprintf("%d %s", c.waiting, c.what), func(b *testing.B) {
			took, megabytes := catchUp(b, streamer, c.waiting, c.lines)
			fmt.Printf("%8d %-21s wait: %6.0f events/s, %d MB (at most %d)\n",
				c.waiting, c.what, float64(c.waiting)/took.Seconds(), megabytes, backlogMemory)
			if megabytes > backlogMemory {
				b.Errorf("%d MB", megabytes)
			}
		})
	}
}

// catchUp runs commerce-streamer until it has counted the events that wait.
func catchUp(b *testing.B, program string, waiting, lines int) (took time.Duration, megabytes int64) {
	b.Helper()
	s := openOrderShop(b)
	brokers, prefix := kafkatest.Real(b)
	config := s.env.Kafka(brokers, prefix, "bench")
	board := redistest.Real(b, s.env.Clock)
	if lines == 0 {
		publishViews(b, s, config, waiting)
	} else {
		publishLargeOrders(b, s, config, waiting, lines)
	}
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
	if lines == 0 {
		r.expect(b, "SUM(views)::bigint FROM product_metrics", int64(waiting))
	} else {
		r.expect(b, "SUM(orders)::bigint FROM product_metrics", int64(waiting*lines))
	}
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

// publishLargeOrders publishes paid orders of many lines.
func publishLargeOrders(b *testing.B, s *orderShop, c kafka.Config, n, lines int) {
	b.Helper()
	if err := kafka.EnsureTopics(b.Context(), c, s.env.Log); err != nil {
		b.Fatal(err)
	}
	producer, err := kafka.NewProducer(c, s.env.Log)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	for i := range n {
		paid := event.OrderPaid{Order: event.Order{OrderID: s.env.IDs(), Version: 2, UserID: userID(1 + i%userCount)}, PaidAt: s.env.Clock()}
		for l := range lines {
			paid.Lines = append(paid.Lines, event.Line{ProductID: int64(1 + (l+i)%eventProducts), Quantity: 1, UnitPrice: 12_000})
		}
		v, err := event.Wrap(s.env.IDs(), s.env.Clock(), "", paid)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(producer.Publish(b.Context(), []event.Envelope{v})...); err != nil {
			b.Fatal(err)
		}
	}
}
