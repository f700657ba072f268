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

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// record is an event as it stands in a topic.
type record struct {
	key, id, kind string
	day           clock.Day
	user          string
	place         string // topic, partition and offset
}

// topics reads both topics from the beginning and checks them.
func (w *world) topics(db *sql.DB) {
	orders, catalog := w.read(event.OrderTopic), w.read(event.CatalogTopic)
	w.orderTopic(orders)
	w.catalogTopic(db, catalog)
	places := map[string]string{}
	for _, r := range append(orders, catalog...) {
		if slices.Contains(counted, r.kind) && places[r.id] == "" {
			places[r.id] = r.place
		}
	}
	done := texts(w.t, db, `SELECT event_id FROM event_handled`)
	for i, id := range done {
		done[i] = places[id] + " " + id
	}
	want := slices.Collect(maps.Keys(places))
	for i, id := range want {
		want[i] = places[id] + " " + id
	}
	same(w.t, "events that were counted", want, done)
}

// counted are the kinds of events that counters are made of.
var counted = []string{"product.viewed", "product.liked", "product.unliked", "order.paid", "order.cancelled"}

// orderTopic checks that each order has each of its events under one id, and
// that their first occurrences stand in order; and that no other order is there.
func (w *world) orderTopic(all []record) {
	t := w.t
	firsts, ids := map[string][]string{}, map[string]string{}
	for _, r := range all {
		step := r.key + " " + r.kind
		if before, seen := ids[step]; seen {
			if before != r.id {
				t.Errorf("%s is in the topic as %s and as %s", step, before, r.id)
			}
			continue
		}
		ids[step] = r.id
		firsts[r.key] = append(firsts[r.key], r.kind)
	}
	for oid, s := range w.model.sales {
		want := []string{"order.placed", "order.paid"}
		if s.cancelled {
			want = append(want, "order.cancelled")
		}
		if !slices.Equal(firsts[oid], want) {
			t.Errorf("events of order %s: %v, want %v", oid, firsts[oid], want)
		}
		delete(firsts, oid)
	}
	if len(firsts) > 0 {
		t.Errorf("events of orders that nobody was told of: %v", firsts)
	}
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
	var about struct{ UserID string }
	if err := json.Unmarshal(r.Value, &about); err != nil {
		t.Errorf("%s: %v", r.Value, err)
	}
	found.user = about.UserID
	return found
}
