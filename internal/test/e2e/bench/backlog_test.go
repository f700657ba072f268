package bench_test

import (
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
// stops it when all its groups have processed them.
func BenchmarkBacklog(b *testing.B) {
	streamer := build(b, b.TempDir(), "../../../../cmd/commerce-streamer")
	for _, c := range backlogs() {
		b.Run(c.what, func(b *testing.B) {
			took, megabytes := catchUp(b, streamer, c)
			fmt.Printf("%-46s wait: %6.0f events/s, %d MB (at most %d)\n", c.what, float64(c.waiting)/took.Seconds(), megabytes, backlogMemory)
			if megabytes > backlogMemory {
				b.Errorf("%d MB", megabytes)
			}
		})
	}
}

// catchUp runs commerce-streamer until it has processed the events that wait. It returns how
// long it has taken to count them, or to process those that wait elsewhere, and the most
// memory that it has used.
func catchUp(b *testing.B, program string, c backlog) (took time.Duration, megabytes int64) {
	b.Helper()
	s := openOrderShop(b)
	brokers, prefix := kafkatest.Real(b)
	p := newBacklogPublisher(b, s, s.env.Kafka(brokers, prefix, "bench"))
	board := redistest.Real(b, s.env.Clock)
	c.publish(p)
	r := &tallyBench{orderShop: s, config: p.config, events: &events{ends: endsOf(b, p.config)}}
	var err error
	if r.client, err = kgo.NewClient(kgo.SeedBrokers(brokers...)); err != nil {
		b.Fatal(err)
	}
	defer r.client.Close()
	cmd := exec.CommandContext(b.Context(), program, "--database-url", s.address, "--kafka-brokers", brokers[0], "--kafka-topic-prefix", prefix,
		"--redis-url", os.Getenv("TEST_REDIS_URL"), "--redis-key-prefix", board.Prefix, "--management-port", "18999", "--log-level", "warn")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if !c.elsewhere {
		r.awaitCommits(b, prefix+event.RankingGroup, nil)
		took = time.Since(began)
	}
	r.awaitGroups(b, prefix)
	if c.elsewhere {
		took = time.Since(began)
	}
	for sql, n := range p.counted {
		r.expect(b, sql, n)
	}
	return took, r.stop(b, cmd, prefix)
}

// awaitGroups returns when each group of the streamer has processed everything.
func (r *tallyBench) awaitGroups(b *testing.B, prefix string) {
	b.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	admin := kadm.NewClient(r.client)
	for {
		err := kafkatest.AllCaughtUp(b.Context(), admin, prefix)
		if err == nil {
			err = kafkatest.CaughtUp(b.Context(), admin, prefix+kafka.DeadLetterGroup, len(event.Topics()))
		}
		if err == nil {
			return
		}
		select {
		case <-look.C:
		case <-b.Context().Done():
			b.Fatal(err)
		}
	}
}

// stop stops a program, and returns the most memory that it has used, in MB.
func (r *tallyBench) stop(b *testing.B, cmd *exec.Cmd, prefix string) (megabytes int64) {
	b.Helper()
	_, megabytes = memory(b, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	for _, group := range append(event.Groups(), kafka.DeadLetterGroup) {
		_, _ = kadm.NewClient(r.client).DeleteGroup(b.Context(), prefix+group)
	}
	return megabytes
}
