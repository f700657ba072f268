package bench_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// The events in the topics. The shares are of 100 events.
const (
	eventCount    = 400_000
	eventProducts = 5_000
	viewShare     = 87
	likeShare     = 5
	unlikeShare   = 1 // of products that are liked; the rest are orders of 1 to 3 lines
	publishBatch  = 5_000
)

// events generates events, and knows what must be counted of them.
type events struct {
	shop       *orderShop
	rng        *rand.Rand
	popularity *rand.Zipf // of a product: few of them are popular
	counts     map[int64]metric.Counters
	touches    int64 // how often all events name a product
	ends       kadm.ListedOffsets
}

// publishEvents publishes the events, as the relay does.
func publishEvents(b *testing.B, s *orderShop, c kafka.Config) *events {
	b.Helper()
	t := &events{shop: s, rng: rand.New(rand.NewPCG(1, 2)), counts: map[int64]metric.Counters{}}
	t.popularity = rand.NewZipf(t.rng, 1.1, 10, eventProducts-1)
	if err := kafka.EnsureTopics(b.Context(), c, s.env.Log); err != nil {
		b.Fatal(err)
	}
	producer, err := kafka.NewProducer(c, s.env.Log)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	for part := range slices.Chunk(t.envelopes(b), publishBatch) {
		for _, err := range producer.Publish(b.Context(), part) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	t.ends = endsOf(b, c)
	return t
}

// endsOf returns the offsets behind the last records.
func endsOf(b *testing.B, c kafka.Config) kadm.ListedOffsets {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(b.Context(), c.Topic(event.CatalogTopic), c.Topic(event.OrderTopic))
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		b.Fatal(err)
	}
	return ends
}

func (t *events) envelopes(b *testing.B) []event.Envelope {
	b.Helper()
	all := make([]event.Envelope, eventCount)
	for i := range all {
		var err error
		all[i], err = event.Wrap(t.shop.env.IDs(), t.shop.env.Clock(), "", t.next())
		if err != nil {
			b.Fatal(err)
		}
	}
	return all
}

// next generates an event and counts it.
func (t *events) next() event.Event {
	user := userID(1 + t.rng.IntN(userCount))
	pid := t.product()
	switch share := t.rng.IntN(100); {
	case share < viewShare:
		t.count(metric.Counters{ProductID: pid, Views: 1})
		return event.NewProductViewed(pid, &user)
	case share < viewShare+likeShare:
		t.count(metric.Counters{ProductID: pid, Likes: 1})
		return event.NewProductLiked(pid, user)
	case share < viewShare+likeShare+unlikeShare && t.counts[pid].Likes > 0:
		t.count(metric.Counters{ProductID: pid, Likes: -1})
		return event.NewProductUnliked(pid, user)
	default:
		return t.paid()
	}
}

func (t *events) paid() event.OrderPaid {
	now := t.shop.env.Clock()
	o := event.OrderPaid{Order: event.Order{OrderID: t.shop.env.IDs(), Version: 2, UserID: userID(1 + t.rng.IntN(userCount))}, PaidAt: now}
	for range 1 + t.rng.IntN(3) {
		l := event.Line{ProductID: t.product(), Quantity: 1 + t.rng.Int64N(3), UnitPrice: 1_000 + 10*t.rng.Int64N(10_000)}
		sale := metric.Sale(l.ProductID, clock.DayOf(now), l.Quantity, money.Won(l.UnitPrice))
		sale.Day = 0
		t.count(sale)
		o.Lines, o.Amount = append(o.Lines, l), o.Amount+l.Quantity*l.UnitPrice
	}
	return o
}

func (t *events) product() int64 { return 1 + int64(t.popularity.Uint64()) }

// count adds to what must be counted, all days together.
func (t *events) count(c metric.Counters) {
	t.counts[c.ProductID] = c.Plus(t.counts[c.ProductID])
	t.touches++
}
