//go:build synctests

package sim_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// record is an event as it stands in a topic.
type record struct {
	key, id, kind string
	day           clock.Day
	user          string
	counts        bool   // the streamer keeps count of it
	place         string // topic, partition and offset
}

// topics reads both topics from the beginning and checks them.
func (w *world) topics(db *sql.DB) {
	orders, catalog := w.read(event.OrderTopic), w.read(event.CatalogTopic)
	w.orderTopic(orders)
	w.catalogTopic(db, catalog)
	w.marks(db, append(orders, catalog...))
}

// marks checks that the streamer remembers what it counted of the last weeks,
// each once, and nothing that is in no topic. Marks that have served their time
// are thrown away, sooner or later.
func (w *world) marks(db *sql.DB, all []record) {
	t := w.t
	places := map[string]string{}
	for _, r := range all {
		if r.counts && places[r.id] == "" {
			places[r.id] = r.place
		}
	}
	done := texts(t, db, `SELECT event_id FROM event_handled`)
	for _, event := range done {
		if places[event] == "" {
			t.Errorf("event %s was counted, and is in no topic", event)
		}
	}
	// A day less than they live, so that it does not matter who looked when.
	// Ids tell when an event was made, and sort by it as text, too.
	since := id.Floor(time.Now().Add(24*time.Hour - housekeeping.HandledLife)).String()
	old := func(event string) bool { return event < since }
	place := func(events []string) []string {
		young := slices.DeleteFunc(events, old)
		for i, event := range young {
			young[i] = places[event] + " " + event
		}
		return young
	}
	same(t, "events that were counted", place(slices.Collect(maps.Keys(places))), place(done))
}

// counted are the kinds of events that counters are made of; the last one only
// of an order that was paid.
var counted = []string{"product.viewed", "product.liked", "product.unliked", "order.paid", "order.cancelled"}

// orderTopic checks that each order has each of its events under one id, and
// that their first occurrences stand in order; and that no other order is there.
func (w *world) orderTopic(all []record) {
	t := w.t
	stories, seen, ids := map[string][]string{}, map[string]bool{}, map[string]string{}
	for _, r := range all {
		if seen[r.id] {
			continue
		}
		seen[r.id] = true
		step := r.key + " " + r.kind
		if before := ids[step]; before != "" && r.kind != "payment.refunded" {
			t.Errorf("%s is in the topic as %s and as %s", step, before, r.id)
		}
		ids[step] = r.id
		stories[r.key] = append(stories[r.key], r.kind)
	}
	refunds := w.refunds()
	for oid, s := range w.model.sales {
		story := stories[oid]
		main := slices.Clone(story)
		if n := len(main) - slices.Index(append(main, "payment.refunded"), "payment.refunded"); n <= refunds[oid] {
			main = main[:len(main)-n] // what was given back, at the end
		}
		if want := s.story(); !slices.Equal(main, want) {
			t.Errorf("events of order %s: %v, want %v, and up to %d refunds", oid, story, want, refunds[oid])
		}
		if s.status == "CANCELLED" && s.paid != 0 && s.card > 0 && len(story) == len(main) {
			t.Errorf("events of order %s, which was paid by card and cancelled: %v", oid, story)
		}
		delete(stories, oid)
	}
	if len(stories) > 0 {
		t.Errorf("events of orders that nobody was told of: %v", stories)
	}
}

// story is the events of an order, but for charges that were given back.
func (s *sale) story() []string {
	if s.card == 0 {
		return append([]string{"order.placed", "order.paid"}, s.last()...)
	}
	all := []string{"order.placed", "payment.requested"}
	switch {
	case s.paid != 0:
		return append(append(all, "payment.approved", "order.paid"), s.last()...)
	case s.status == "CANCELLED":
		return append(all, "order.cancelled", "payment.declined")
	case s.status == "FAILED":
		return append(all, "payment.declined", "order.failed")
	default:
		return append(all, "payment.declined", "order.expired")
	}
}

// last is what happened to an order that was paid.
func (s *sale) last() []string {
	if s.status == "CANCELLED" {
		return []string{"order.cancelled"}
	}
	return nil
}

// catalogTopic checks that for each product and user, likes and unlikes come in
// turn, the last as the customer wants it; and recounts the views.
func (w *world) catalogTopic(db *sql.DB, all []record) {
	t := w.t
	seen, liked, views := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, r := range all {
		if seen[r.id] {
			continue
		}
		seen[r.id] = true
		who := r.user + " likes " + r.key
		switch r.kind {
		case "product.liked", "product.unliked":
			if liked[who] == (r.kind == "product.liked") {
				t.Errorf("%s: two events %s with none between", who, r.kind)
			}
			liked[who] = r.kind == "product.liked"
		case "product.viewed":
			views[fmt.Sprintf("views of %s on %s: ", r.key, r.day)]++
		}
	}
	want := slices.Collect(maps.Keys(views))
	for i, v := range want {
		want[i] = fmt.Sprint(v, views[v])
	}
	same(t, "counters of views", want, texts(t, db, `SELECT 'views of ' || product_id || ' on ' || day || ': ' || views FROM product_metrics WHERE views <> 0`))
	names := map[string]string{}
	for _, pair := range texts(t, db, `SELECT id || ' ' || login_id FROM users`) {
		id, name, _ := strings.Cut(pair, " ")
		names[id] = name
	}
	var now []string
	for who, is := range liked {
		if user, rest, _ := strings.Cut(who, " "); is {
			now = append(now, names[user]+" "+rest)
		}
	}
	same(t, "likes by the topic", w.model.likeFacts(), now)
}

// read returns all that a topic holds, each partition in order.
func (w *world) read(topic string) []record {
	t := w.t
	client, err := kgo.NewClient(kgo.SeedBrokers(kafkaAddress), kgo.Dialer(w.network.dialer("auditor")), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatalf("read %s: %v", topic, err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	var all []record
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%s: %d records do not come: %v", topic, left, fetches.Err())
		}
		for _, r := range fetches.Records() {
			left--
			all = append(all, opened(t, r))
		}
	}
	return all
}

func opened(t *testing.T, r *kgo.Record) record {
	t.Helper()
	found := record{key: string(r.Key), place: fmt.Sprintf("%s/%02d@%05d", r.Topic, r.Partition, r.Offset)}
	for _, h := range r.Headers {
		switch h.Key {
		case "ce_id":
			found.id = string(h.Value)
		case "ce_type":
			found.kind = string(h.Value)
		case "ce_time":
			at, err := time.Parse(time.RFC3339Nano, string(h.Value))
			if err != nil {
				t.Error(err)
			}
			found.day = clock.DayOf(at)
		}
	}
	var about struct {
		UserID string
		PaidAt *time.Time
	}
	if err := json.Unmarshal(r.Value, &about); err != nil {
		t.Errorf("%s: %v", r.Value, err)
	}
	found.user = about.UserID
	found.counts = slices.Contains(counted, found.kind) && (found.kind != "order.cancelled" || about.PaidAt != nil)
	return found
}
