package bench_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// backlog is what waits when the streamer starts.
type backlog struct {
	what    string
	waiting int
	publish func(p *backlogPublisher)

	elsewhere bool // than in the topics of events
}

const (
	// linesOf900kB are as many lines as an order of 900 kB has.
	linesOf900kB = 15_000
	// largeBatch is how many large records are sent at a time.
	largeBatch = 20

	viewsCounted  = "SUM(views)::bigint FROM product_metrics"
	ordersCounted = "SUM(orders)::bigint FROM product_metrics"
)

func backlogs() []backlog {
	return []backlog{
		{"100,000 views", 100_000, func(p *backlogPublisher) { p.views(100_000) }, false},
		{"2,000,000 views", 2_000_000, func(p *backlogPublisher) { p.views(2_000_000) }, false},
		{"3,000 orders of 1,000 lines", 3_000, func(p *backlogPublisher) { p.orders(3_000, 1_000, eventProducts) }, false},
		{"300 orders of 900 kB", 300, func(p *backlogPublisher) { p.orders(300, linesOf900kB, eventProducts) }, false},
		{"300 orders of 15,000 products", 300, func(p *backlogPublisher) { p.orders(300, linesOf900kB, 30*linesOf900kB) }, false},
		{"the same and 1,000,000 views", 1_000_300, func(p *backlogPublisher) {
			p.orders(300, linesOf900kB, eventProducts)
			p.views(1_000_000)
		}, false},
		{"3,000 orders in batches of zstd", 3_000, func(p *backlogPublisher) { p.compressed(3_000, 1_000) }, false},
		{"600 orders of 900 kB in parks and retry topics", 600, func(p *backlogPublisher) { p.again(300, linesOf900kB) }, true},
		{"3,000 dead letters of 250 kB", 3_000, func(p *backlogPublisher) { p.letters(3_000, 4_000) }, true},
	}
}

// backlogPublisher publishes events, and knows what must be counted.
type backlogPublisher struct {
	*testing.B

	shop     *orderShop
	config   kafka.Config
	producer *kafka.Producer
	counted  map[string]int64 // by what is selected
}

func newBacklogPublisher(b *testing.B, s *orderShop, c kafka.Config) *backlogPublisher {
	b.Helper()
	if err := kafka.EnsureTopics(b.Context(), c, s.env.Log); err != nil {
		b.Fatal(err)
	}
	producer, err := kafka.NewProducer(c, s.env.Log)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(producer.Close)
	return &backlogPublisher{B: b, shop: s, config: c, producer: producer, counted: map[string]int64{}}
}

// views publishes views of all products.
func (p *backlogPublisher) views(n int) {
	p.counted[viewsCounted] += int64(n)
	for sent := 0; sent < n; sent += publishBatch {
		part := make([]event.Envelope, min(publishBatch, n-sent))
		for i := range part {
			user := userID(1 + i%userCount)
			part[i] = p.wrap(event.NewProductViewed(int64(1+(sent+i)%eventProducts), &user))
		}
		if err := errors.Join(p.producer.Publish(p.Context(), part)...); err != nil {
			p.Fatal(err)
		}
	}
}

// orders publishes paid orders of many lines.
func (p *backlogPublisher) orders(n, lines, products int) {
	for i := range n {
		if err := errors.Join(p.producer.Publish(p.Context(), []event.Envelope{p.order(i, lines, products)})...); err != nil {
			p.Fatal(err)
		}
	}
}

func (p *backlogPublisher) order(i, lines, products int) event.Envelope {
	p.counted[ordersCounted] += int64(lines)
	paid := event.OrderPaid{Order: event.Order{OrderID: p.shop.env.IDs(), Version: 2, UserID: userID(1 + i%userCount)}, PaidAt: p.shop.env.Clock()}
	for l := range lines {
		paid.Lines = append(paid.Lines, event.Line{ProductID: int64(1 + (l+i*lines)%products), Quantity: 1, UnitPrice: 12_000})
	}
	return p.wrap(paid)
}

func (p *backlogPublisher) wrap(e event.Event) event.Envelope {
	v, err := event.Wrap(p.shop.env.IDs(), p.shop.env.Clock(), "", e)
	if err != nil {
		p.Fatal(err)
	}
	return v
}

// compressed publishes orders in batches that are as large as brokers allow once they are
// compressed, and much larger before.
func (p *backlogPublisher) compressed(n, lines int) {
	var records []*kgo.Record
	for i := range n {
		records = append(records, p.record(p.order(i, lines, eventProducts)))
	}
	p.send(records, kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.StreamingCompression(), kgo.ProducerLinger(time.Second))
}

// again publishes orders where groups find those that they could not process.
func (p *backlogPublisher) again(n, lines int) {
	for _, group := range []string{event.RankingGroup, event.AuditGroup} {
		p.each(n, func(i int) *kgo.Record {
			r := p.record(p.order(i, lines, eventProducts))
			r.Topic = p.config.Topic(kafka.AgainTopic(event.OrderTopic, group))
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: kafka.RetryAttempts, Value: []byte("0")},
				kgo.RecordHeader{Key: kafka.DeadPartition, Value: []byte("0")}, kgo.RecordHeader{Key: kafka.DeadOffset, Value: []byte(strconv.Itoa(i))})
			return r
		})
	}
	p.counted[ordersCounted] /= 2 // one of the groups counts
}

// letters publishes dead letters.
func (p *backlogPublisher) letters(n, lines int) {
	p.each(n, func(i int) *kgo.Record {
		r := p.record(p.order(i, lines, eventProducts))
		r.Topic = p.config.Topic(kafka.DeadLetterTopic(event.OrderTopic))
		return r
	})
	clear(p.counted)
}

// each sends n large records, some at a time.
func (p *backlogPublisher) each(n int, record func(i int) *kgo.Record) {
	for i := 0; i < n; i += largeBatch {
		var records []*kgo.Record
		for j := i; j < min(n, i+largeBatch); j++ {
			records = append(records, record(j))
		}
		p.send(records)
	}
}

// record returns an event as it is in its topic.
func (p *backlogPublisher) record(v event.Envelope) *kgo.Record {
	r := &kgo.Record{Topic: p.config.Topic(v.Topic), Key: []byte(v.Key), Value: v.Data}
	for _, h := range [][2]string{
		{"ce_specversion", "1.0"}, {"ce_id", v.ID.String()}, {"ce_source", v.Source}, {"ce_type", v.Type},
		{"ce_time", v.Time.Format(time.RFC3339Nano)}, {"content-type", "application/json"}, {"ce_sequence", "2"},
	} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	return r
}

// send publishes records as other producers than ours may do.
func (p *backlogPublisher) send(records []*kgo.Record, options ...kgo.Opt) {
	kafkatest.Produce(p, p.config.Brokers, records, options...)
}
