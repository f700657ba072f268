package kafka_test

import (
	"context"
	"crypto/rand"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// publishing returns a publisher of views to a real broker; stop stops it.
func publishing(b *testing.B) (v *kafka.Views, stop func()) {
	b.Helper()
	brokers, prefix := kafkatest.Real(b)
	c := kafkatest.Config(brokers, prefix)
	if err := kafka.EnsureTopics(b.Context(), c, quiet()); err != nil {
		b.Fatal(err)
	}
	v, err := kafka.NewViews(c, id.NewSource(time.Now, rand.Reader), quiet())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	time.Sleep(time.Second) // until the client knows the topic
	return v, func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

// burned returns the CPU time of this process.
func burned(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkViews publishes 20,000 views a second. It measures the CPU time that the process
// needs until they are sent.
func BenchmarkViews(b *testing.B) {
	v, stop := publishing(b)
	before, next := burned(b), time.Now()
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		if n%100 == 0 {
			next = next.Add(5 * time.Millisecond)
			time.Sleep(time.Until(next))
		}
		v.Viewed(int64(n*7919%10000+1), nil)
	}
	b.StopTimer()
	stop()
	b.ReportMetric(float64(burned(b)-before)/float64(b.N), "cpu-ns/view")
	b.ReportMetric(float64(v.Lost()), "lost")
}

// BenchmarkViewed is what a view costs the request.
func BenchmarkViewed(b *testing.B) {
	v, stop := publishing(b)
	b.ReportAllocs()
	for b.Loop() {
		v.Viewed(17, nil)
	}
	b.StopTimer()
	stop()
	b.ReportMetric(float64(v.Lost()), "lost")
}
