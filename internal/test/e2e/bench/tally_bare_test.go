package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// The settings of our consumer, for the bare one.
const (
	fetchWait = 100 * time.Millisecond
	polled    = 6_000 // records at most
)

// bare is the simplest consumer of events: it counts how often each product of a batch is
// named, writes that with one upsert, commits the offsets and takes the next batch.
type bare struct {
	client *kgo.Client
	db     *pgx.Conn
	day    clock.Day
	marks  bool // it also marks the events in the same transaction, so that each counts once
}

func newBare(c kafka.Config, group string, s *orderShop, marks bool) (bare, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.ConsumerGroup(c.Prefix+group),
		kgo.ConsumeTopics(c.Topic(event.CatalogTopic), c.Topic(event.OrderTopic)), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.FetchMinBytes(1), kgo.FetchMaxWait(fetchWait))
	return bare{client: client, db: s.admin, day: clock.DayOf(s.env.Clock()), marks: marks}, err
}

// Run consumes until ctx ends.
func (r bare) Run(ctx context.Context) error {
	defer r.client.Close()
	for {
		fetches := r.client.PollRecords(ctx, polled)
		if ctx.Err() != nil {
			return nil
		}
		err := fetches.Err()
		if err == nil {
			err = r.handle(ctx, fetches.Records())
		}
		if err == nil {
			err = r.client.CommitUncommittedOffsets(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// namedProducts is the part of an event that is read.
type namedProducts struct {
	ProductID int64 `json:"productId"`
	Lines     []struct {
		ProductID int64 `json:"productId"`
	} `json:"lines"`
}

func (r bare) handle(ctx context.Context, records []*kgo.Record) error {
	counts := map[int64]int64{}
	for _, record := range records {
		var e namedProducts
		if err := json.Unmarshal(record.Value, &e); err != nil {
			return err
		}
		if e.ProductID != 0 {
			counts[e.ProductID]++
		}
		for _, l := range e.Lines {
			counts[l.ProductID]++
		}
	}
	return r.write(ctx, records, counts)
}

func (r bare) write(ctx context.Context, records []*kgo.Record, counts map[int64]int64) error {
	products := slices.Sorted(maps.Keys(counts))
	views := make([]int64, len(products))
	for i, pid := range products {
		views[i] = counts[pid]
	}
	var batch pgx.Batch // one transaction, in one round trip
	batch.Queue(`
		INSERT INTO product_metrics AS m (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
		SELECT v.id, $3, v.views, 0, 0, 0, 0, 0, 1 FROM unnest($1::bigint[], $2::bigint[]) v (id, views)
		ON CONFLICT (product_id, day) DO UPDATE SET views = m.views + excluded.views`, products, views, int64(r.day))
	if r.marks {
		batch.Queue(`
			INSERT INTO event_handled (event_id, consumer, at_us) SELECT v, 'bare', 0 FROM unnest($1::uuid[]) v
			ON CONFLICT DO NOTHING`, idsOf(records))
	}
	if err := r.db.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("count %d records: %w", len(records), err)
	}
	return nil
}

// idsOf returns the ids of the events, which are in the headers.
func idsOf(records []*kgo.Record) []string {
	ids := make([]string, 0, len(records))
	for _, record := range records {
		for _, h := range record.Headers {
			if h.Key == "ce_id" {
				ids = append(ids, string(h.Value))
			}
		}
	}
	return ids
}
