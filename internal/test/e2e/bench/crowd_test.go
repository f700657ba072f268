package bench_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// crowdSteps are how many times the peak is offered.
var crowdSteps = []float64{0.5, 1, 1.5, 2, 3, 5}

// crowdShop is the shop for orders, served by commerce-api as a process of its own, so that
// customers and shop compete for the processors and for nothing else.
type crowdShop struct {
	*orderShop
	*program
	address string
	tokens  []string
}

// BenchmarkCrowd offers orders in an open loop, up to five times as many as are placed when
// 256 customers order one after the other. It prints what becomes of them, and how long
// reads take beside them.
func BenchmarkCrowd(b *testing.B) {
	s := openCrowdShop(b)
	for b.Loop() {
		steps := make([][]crowdStep, len(crowdSteps))
		var peaks []float64
		for round := range *rounds + 1 {
			peak := s.peak(b)
			for i, times := range crowdSteps {
				if step := s.offer(b, times*peak); round > 0 {
					steps[i] = append(steps[i], step)
				}
			}
			if round > 0 {
				peaks = append(peaks, peak)
			}
		}
		reportCrowd(b, peaks, steps)
	}
}

func openCrowdShop(b *testing.B) *crowdShop {
	b.Helper()
	s := &crowdShop{orderShop: openOrderShop(b), address: freeAddress(b)}
	secret := bytes.Repeat([]byte("k"), 32)
	s.tokens = s.sign(b, secret)
	brokers, prefix := kafkatest.Real(b)
	_, port, _ := strings.Cut(s.address, ":")
	s.program = start(b, s.address, "/api/v1/products?size=1", build(b, b.TempDir(), "github.com/loopers-commerce/commerce/cmd/commerce-api"),
		"--database-url", s.orderShop.address, "--kafka-brokers", strings.Join(brokers, ","), "--kafka-topic-prefix", prefix,
		"--redis-url", os.Getenv("TEST_REDIS_URL"), "--redis-key-prefix", redistest.Real(b, time.Now).Prefix,
		"--auth-jwt-secret", string(secret), "--port", port, "--management-port", "0", "--log-level", "warn")
	return s
}

// crowdStep is what became of an offered load.
type crowdStep struct {
	offered, placed, refused float64 // per second
	p50, p99, refusedP99     float64 // in milliseconds, since the request was due
	sentP99                  float64 // since it was sent: the rest is the client's
	readP99, readsRefused    float64
	client, shop, database   float64 // processors
}

func reportCrowd(b *testing.B, peaks []float64, steps [][]crowdStep) {
	b.Helper()
	median := func(of []crowdStep, figure func(crowdStep) float64) float64 {
		var all []float64
		for _, s := range of {
			all = append(all, figure(s))
		}
		return spreadOf(all).median
	}
	peak, worst := spreadOf(peaks).median, 0.0
	for i := range steps {
		peak = max(peak, median(steps[i], func(s crowdStep) float64 { return s.placed }))
	}
	rows := [][]string{{"offered/s", "placed/s", "of peak", "p50 ms", "p99 ms", "p99 since sent", "refused/s", "p99 ms", "reads p99 ms", "reads refused", "processors: client", "shop", "database"}}
	for _, of := range steps {
		m := func(figure func(crowdStep) float64, format string) string {
			return fmt.Sprintf(format, median(of, figure))
		}
		worst = max(worst, median(of, func(s crowdStep) float64 { return s.p99 }))
		rows = append(rows, []string{
			m(func(s crowdStep) float64 { return s.offered }, "%.0f"), m(func(s crowdStep) float64 { return s.placed }, "%.0f"),
			m(func(s crowdStep) float64 { return s.placed / peak }, "%.2f"), m(func(s crowdStep) float64 { return s.p50 }, "%.1f"),
			m(func(s crowdStep) float64 { return s.p99 }, "%.1f"), m(func(s crowdStep) float64 { return s.sentP99 }, "%.1f"),
			m(func(s crowdStep) float64 { return s.refused }, "%.0f"),
			m(func(s crowdStep) float64 { return s.refusedP99 }, "%.1f"), m(func(s crowdStep) float64 { return s.readP99 }, "%.1f"),
			m(func(s crowdStep) float64 { return s.readsRefused }, "%.3f"),
			m(func(s crowdStep) float64 { return s.client }, "%.2f"), m(func(s crowdStep) float64 { return s.shop }, "%.2f"),
			m(func(s crowdStep) float64 { return s.database }, "%.2f"),
		})
	}
	table(b, rows)
	last := median(steps[len(steps)-1], func(s crowdStep) float64 { return s.placed }) / peak
	b.ReportMetric(last, "ratio")
	b.ReportMetric(worst, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// sorted returns the times of requests with a status, in order.
func sorted(shots []shot, status int) (took []time.Duration) {
	for _, s := range shots {
		if s.status == status {
			took = append(took, s.took)
		}
	}
	slices.Sort(took)
	return took
}
