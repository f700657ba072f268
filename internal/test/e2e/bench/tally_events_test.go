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

// What the topics hold, and of how many products. The shares are of 100 events.
const (
	toldEvents   = 400_000
	toldProducts = 5_000
	viewShare    = 87
	likeShare    = 5
	unlikeShare  = 1 // of products that are liked; the rest are orders of 1 to 3 lines
	publishable  = 5_000
)

// told is a stream of events, and what is to be counted of them.
type told struct {
	shop    *orderShop
	dice    *rand.Rand
	choice  *rand.Zipf // of a product: few are asked for often
	counts  map[int64]metric.Counters
	touches int64 // products named by all events
	ends    kadm.ListedOffsets
}

// tell publishes the events, as the relay does.
func tell(b *testing.B, s *orderShop, c kafka.Config) *told {
	b.Helper()
	t := &told{shop: s, dice: rand.New(rand.NewPCG(1, 2)), counts: map[int64]metric.Counters{}}
	t.choice = rand.NewZipf(t.dice, 1.1, 10, toldProducts-1)
	if err := kafka.EnsureTopics(b.Context(), c, s.world.Log); err != nil {
		b.Fatal(err)
	}
	producer, err := kafka.NewProducer(c, s.world.Log)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	for part := range slices.Chunk(t.envelopes(b), publishable) {
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

func (t *told) envelopes(b *testing.B) []event.Envelope {
	b.Helper()
	all := make([]event.Envelope, toldEvents)
	for i := range all {
		var err error
		all[i], err = event.Wrap(t.shop.world.IDs(), t.shop.world.Clock(), "", t.next())
		if err != nil {
			b.Fatal(err)
		}
	}
	return all
}

// next makes up an event and counts it.
func (t *told) next() event.Event {
	who := numbered(1 + t.dice.IntN(paying))
	pid := t.product()
	switch share := t.dice.IntN(100); {
	case share < viewShare:
		t.count(metric.Counters{ProductID: pid, Views: 1})
		return event.NewProductViewed(pid, &who)
	case share < viewShare+likeShare:
		t.count(metric.Counters{ProductID: pid, Likes: 1})
		return event.NewProductLiked(pid, who)
	case share < viewShare+likeShare+unlikeShare && t.counts[pid].Likes > 0:
		t.count(metric.Counters{ProductID: pid, Likes: -1})
		return event.NewProductUnliked(pid, who)
	default:
		return t.paid()
	}
}

func (t *told) paid() event.OrderPaid {
	now := t.shop.world.Clock()
	o := event.OrderPaid{Order: event.Order{OrderID: t.shop.world.IDs(), Version: 2, UserID: numbered(1 + t.dice.IntN(paying))}, PaidAt: now}
	for range 1 + t.dice.IntN(3) {
		l := event.Line{ProductID: t.product(), Quantity: 1 + t.dice.Int64N(3), UnitPrice: 1_000 + 10*t.dice.Int64N(10_000)}
		sale := metric.Sale(l.ProductID, clock.DayOf(now), l.Quantity, money.Won(l.UnitPrice))
		sale.Day = 0
		t.count(sale)
		o.Lines, o.Amount = append(o.Lines, l), o.Amount+l.Quantity*l.UnitPrice
	}
	return o
}

func (t *told) product() int64 { return 1 + int64(t.choice.Uint64()) }

// count adds to what all days together should show.
func (t *told) count(c metric.Counters) {
	t.counts[c.ProductID] = c.Plus(t.counts[c.ProductID])
	t.touches++
}
