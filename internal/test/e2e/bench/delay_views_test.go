package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// viewer publishes views as commerce-api does, at a constant rate. They are of products
// that nobody orders: a view, too, would bring a product into the ranking.
type viewer struct {
	views      *kafka.Views
	rng        *rand.Rand
	popularity *rand.Zipf // of a product: few of them are popular
	first      int64      // product
	rate       int        // views a second
	sent       int64
}

const (
	viewedProducts = 5_000
	viewTick       = 10 * time.Millisecond
)

// newViewer returns a publisher of views of the products from first on.
func newViewer(b *testing.B, s *delayShop, first int64, rate int) *viewer {
	b.Helper()
	views, err := kafka.NewViews(kafkatest.Config(s.brokers, s.prefix), s.env.IDs, s.env.Log)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	ended := make(chan error, 1)
	go func() { ended <- views.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil || views.Lost() > 0 {
			b.Errorf("%d views were lost: %v", views.Lost(), err)
		}
	})
	rng := rand.New(rand.NewPCG(1, 2))
	return &viewer{views: views, rng: rng, popularity: rand.NewZipf(rng, 1.1, 10, viewedProducts-1), first: first, rate: rate}
}

// view publishes views for a while.
func (v *viewer) view(ctx context.Context, d time.Duration) {
	begun := time.Now()
	perTick := v.rate * int(viewTick/time.Millisecond) / 1_000
	for tick := range int(d / viewTick) {
		backoff.Wait(ctx, time.Until(begun.Add(time.Duration(tick)*viewTick)))
		for range perTick {
			user := userID(1 + v.rng.IntN(userCount))
			v.views.Viewed(v.first+int64(v.popularity.Uint64()), &user)
			v.sent++
		}
	}
}

// await waits until all views are counted.
func (v *viewer) await(b *testing.B, s *delayShop) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), traceTimeout)
	defer cancel()
	for counted := int64(0); ; {
		err := s.admin.QueryRow(ctx, "SELECT COALESCE(SUM(views), 0)::bigint FROM product_metrics").Scan(&counted)
		if err == nil && counted == v.sent {
			return
		}
		if !backoff.Wait(ctx, viewTick) {
			b.Fatal(fmt.Errorf("%d views are counted of %d: %w", counted, v.sent, err))
		}
	}
}
