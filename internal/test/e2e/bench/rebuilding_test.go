package bench_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

var rebuiltProducts = flag.String("rebuilt-products", "20000,100000", "how many products the shops have whose boards are rebuilt, separated by commas")

// BenchmarkRebuilding starts commerce-streamer on a Redis that has lost the boards, beside
// orders, and waits until it has built each of them. All products have counters on each of
// the days that have a part in them.
func BenchmarkRebuilding(b *testing.B) {
	streamer := build(b, b.TempDir(), "../../../../cmd/commerce-streamer")
	api := build(b, b.TempDir(), "../../../../cmd/commerce-api")
	for text := range strings.SplitSeq(*rebuiltProducts, ",") {
		products, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text+" products", func(b *testing.B) { rebuilds(b, api, streamer, products) })
	}
}

func rebuilds(b *testing.B, api, streamer string, products int) {
	b.Helper()
	s := &crowdShop{orderShop: openOrderShop(b), address: freeAddress(b)}
	days := ranking.OnBoard(time.Now())
	s.count(b, products, days[0].Add(-ranking.Window).Until(days[len(days)-1]))
	secret := bytes.Repeat([]byte("k"), 32)
	s.tokens = s.sign(b, secret)
	brokers, prefix := kafkatest.Real(b)
	board := redistest.Real(b, time.Now)
	common := []string{
		"--database-url", s.orderShop.address, "--kafka-brokers", strings.Join(brokers, ","), "--kafka-topic-prefix", prefix,
		"--redis-url", os.Getenv("TEST_REDIS_URL"), "--redis-key-prefix", board.Prefix, "--management-port", "0", "--log-level", "warn",
	}
	_, port, _ := strings.Cut(s.address, ":")
	s.program = start(b, s.address, "/api/v1/products?size=1", api, append(common, "--port", port, "--auth-jwt-secret", string(secret))...)
	cmd := exec.CommandContext(b.Context(), streamer, common...)
	cmd.Stderr = os.Stderr
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	bought := s.buyUntil(ctx, b)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ready := awaitBoards(b, board, days)
	took := time.Since(began)
	_, megabytes := memory(b, cmd.Process.Pid)
	stop()
	orders := <-bought
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	today := clock.DayOf(began)
	fmt.Printf("%8d products, %d days: today after %.1f s, all after %.1f s, %.0f us for a product and day, %d MB, beside %.0f orders/s\n",
		products, len(days), ready[today].Seconds(), took.Seconds(), took.Seconds()*1e6/float64(products*len(days)), megabytes,
		float64(orders)/took.Seconds())
	for _, day := range days {
		fmt.Printf("  %s after %.1f s\n", day, ready[day].Seconds())
		if ready[day] < ready[today] {
			b.Errorf("%s is ready before today", day)
		}
	}
	b.ReportMetric(took.Seconds()*1e6/float64(products*len(days)), "us/product-day")
	b.ReportMetric(0, "ns/op")
}

// awaitBoards returns when each board was ready.
func awaitBoards(b *testing.B, board redistest.Board, days []clock.Day) map[clock.Day]time.Duration {
	b.Helper()
	began, ready := time.Now(), map[clock.Day]time.Duration{}
	for len(ready) < len(days) {
		for _, day := range days {
			if _, found := ready[day]; found {
				continue
			}
			if _, complete, err := board.Top(b.Context(), day, 0, 1); err == nil && complete {
				ready[day] = time.Since(began)
			}
		}
		if !backoff.Wait(b.Context(), 50*time.Millisecond) || time.Since(began) > 20*time.Minute {
			b.Fatalf("ready: %v", ready)
		}
	}
	return ready
}

// buyUntil lets customers buy until ctx ends, and then says how many orders they have placed.
func (s *crowdShop) buyUntil(ctx context.Context, b *testing.B) <-chan int {
	b.Helper()
	guns, each := s.guns(b, 4), make(chan int)
	for _, g := range guns {
		go func() {
			n := 0
			for ctx.Err() == nil {
				if _, err := g.order(s); err != nil {
					b.Error(err)
					break
				}
				n++
			}
			each <- n
		}()
	}
	sum := make(chan int, 1)
	go func() {
		n := 0
		for range guns {
			n += <-each
		}
		closeAll(guns)
		sum <- n
	}()
	return sum
}
