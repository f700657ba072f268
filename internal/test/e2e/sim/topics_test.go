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

// record is an event in a topic.
type record struct {
	key, id, kind string
	day           clock.Day
	user          string
	counts        bool   // the streamer counts it
	place         string // topic, partition and offset
}

// checkTopics reads both topics from the beginning and checks them.
func (sim *simulation) checkTopics(db *sql.DB) {
	orders, catalog := sim.readTopic(event.OrderTopic), sim.readTopic(event.CatalogTopic)
	sim.checkOrderTopic(orders)
	sim.checkCatalogTopic(db, catalog)
	sim.checkHandled(db, append(orders, catalog...))
}

// checkHandled checks that the streamer has a mark for each event of the last weeks that
// it counts, and none for an event that is in no topic. Old marks may be deleted.
func (sim *simulation) checkHandled(db *sql.DB, all []record) {
	t := sim.t
	places := map[string]string{}
	for _, r := range all {
		if r.counts && places[r.id] == "" {
			places[r.id] = r.place
		}
	}
	done := column(t, db, `SELECT event_id FROM event_handled`)
	for _, event := range done {
		if places[event] == "" {
			t.Errorf("event %s has a mark, and is in no topic", event)
		}
	}
	// A day less than the marks are kept, so that the time of the last deletion does not
	// matter. Ids begin with the time of the event, so that they can be compared.
	since := id.Floor(time.Now().Add(24*time.Hour - housekeeping.HandledLife)).String()
	old := func(event string) bool { return event < since }
	place := func(events []string) []string {
		young := slices.DeleteFunc(events, old)
		for i, event := range young {
			young[i] = places[event] + " " + event
		}
		return young
	}
	compareLines(t, "events that were counted", place(slices.Collect(maps.Keys(places))), place(done))
}

// countedEvents are the events that the streamer counts; the last one only if the order
// was paid.
var countedEvents = []string{"product.viewed", "product.liked", "product.unliked", "order.paid", "order.cancelled"}

// checkOrderTopic checks that each order has its events, each under one id, in order of
// their first occurrence, and that the topic has no other orders.
func (sim *simulation) checkOrderTopic(all []record) {
	t := sim.t
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
	refunds := sim.refunds()
	for oid, s := range sim.model.orders {
		story := stories[oid]
		main := slices.Clone(story)
		if n := len(main) - slices.Index(append(main, "payment.refunded"), "payment.refunded"); n <= refunds[oid] {
			main = main[:len(main)-n] // without the refunds at the end
		}
		if want := s.events(); !slices.Equal(main, want) {
			t.Errorf("events of order %s: %v, want %v, and up to %d refunds", oid, story, want, refunds[oid])
		}
		if s.status == "CANCELLED" && s.paid != 0 && s.card > 0 && len(story) == len(main) {
			t.Errorf("events of order %s, which was paid by card and cancelled: %v", oid, story)
		}
		delete(stories, oid)
	}
	if len(stories) > 0 {
		t.Errorf("events of orders that no customer knows: %v", stories)
	}
}

// events returns the events of an order, without refunds.
func (o *order) events() []string {
	if o.card == 0 {
		return append([]string{"order.placed", "order.paid"}, o.lastEvents()...)
	}
	all := []string{"order.placed", "payment.requested"}
	switch {
	case o.paid != 0:
		return append(append(all, "payment.approved", "order.paid"), o.lastEvents()...)
	case o.status == "CANCELLED":
		return append(all, "order.cancelled", "payment.declined")
	case o.status == "FAILED":
		return append(all, "payment.declined", "order.failed")
	default:
		return append(all, "payment.declined", "order.expired")
	}
}

// lastEvents returns the events of an order after it was paid.
func (o *order) lastEvents() []string {
	if o.status == "CANCELLED" {
		return []string{"order.cancelled"}
	}
	return nil
}

// checkCatalogTopic checks that the likes and unlikes of each user and product alternate,
// and end as the customer wants it; and counts the views again.
func (sim *simulation) checkCatalogTopic(db *sql.DB, all []record) {
	t := sim.t
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
	compareLines(t, "counters of views", want, column(t, db, `SELECT 'views of ' || product_id || ' on ' || day || ': ' || views FROM product_metrics WHERE views <> 0`))
	names := map[string]string{}
	for _, pair := range column(t, db, `SELECT id || ' ' || login_id FROM users`) {
		id, name, _ := strings.Cut(pair, " ")
		names[id] = name
	}
	var now []string
	for who, is := range liked {
		if user, rest, _ := strings.Cut(who, " "); is {
			now = append(now, names[user]+" "+rest)
		}
	}
	compareLines(t, "likes by the topic", sim.model.likeFacts(), now)
}

// readTopic returns all records of a topic, each partition in order.
func (sim *simulation) readTopic(topic string) []record {
	t := sim.t
	client, err := kgo.NewClient(kgo.SeedBrokers(kafkaAddress), kgo.Dialer(sim.network.dialer("auditor")), kgo.ConsumeTopics(topic),
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
	contract := openContract(t)
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%s: %d records are missing: %v", topic, left, fetches.Err())
		}
		for _, r := range fetches.Records() {
			left--
			checkContract(t, contract, r)
			all = append(all, decode(t, r))
		}
	}
	return all
}

func decode(t *testing.T, r *kgo.Record) record {
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
	found.counts = slices.Contains(countedEvents, found.kind) && (found.kind != "order.cancelled" || about.PaidAt != nil)
	return found
}
