package streaming_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/test/kit/compare"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// recount is what the records say, counted in the plainest way. It shares no code with the
// shop.
type recount struct {
	t        *testing.T
	counters map[string]*counters // by product and day
	counted  []string             // ids of the events that are counted
	logged   []string             // ids of the events that are in the log
}

type counters struct{ views, likes, orders, quantity, amount, log int64 }

func newRecount(t *testing.T) *recount {
	t.Helper()
	return &recount{t: t, counters: map[string]*counters{}}
}

// log counts an event that must be in the log once.
func (c *recount) log(r *kgo.Record) { c.logged = append(c.logged, kafkatest.Header(r, "ce_id")) }

// happened is what the data of an event says.
type happened struct {
	ProductID int64
	PaidAt    *time.Time
	Lines     []struct{ ProductID, Quantity, UnitPrice int64 }
}

// count counts an event that must count once, if events of its type count.
func (c *recount) count(r *kgo.Record) {
	c.t.Helper()
	var e happened
	if err := json.Unmarshal(r.Value, &e); err != nil {
		c.t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, kafkatest.Header(r, "ce_time"))
	if err != nil {
		c.t.Fatal(err)
	}
	switch kind := kafkatest.Header(r, "ce_type"); {
	case kind == "product.viewed":
		c.at(e.ProductID, at).views++
	case kind == "product.liked":
		c.at(e.ProductID, at).likes++
	case kind == "product.unliked":
		c.at(e.ProductID, at).likes--
	case kind == "order.paid":
		c.sell(e, 1)
	case kind == "order.cancelled" && e.PaidAt != nil:
		c.sell(e, -1)
	default:
		return
	}
	c.counted = append(c.counted, kafkatest.Header(r, "ce_id"))
}

// sell adds the lines of an order to the day on which it was paid, or takes them away.
func (c *recount) sell(e happened, sign int64) {
	for _, l := range e.Lines {
		n := c.at(l.ProductID, *e.PaidAt)
		n.orders += sign
		n.quantity += sign * l.Quantity
		n.amount += sign * l.Quantity * l.UnitPrice
		n.log += sign * int64(math.Round(1000*math.Log1p(float64(l.Quantity*l.UnitPrice))))
	}
}

// at returns the counters of a product on the day of a time in Seoul.
func (c *recount) at(product int64, at time.Time) *counters {
	key := fmt.Sprint(product, " ", at.In(time.FixedZone("", 9*60*60)).Format("20060102"))
	if c.counters[key] == nil {
		c.counters[key] = new(counters)
	}
	return c.counters[key]
}

// check compares the database with the recount.
func (s *shop) check(ctx context.Context, c *recount) {
	s.t.Helper()
	var want []string
	likes := map[string]int64{}
	for key, n := range c.counters {
		product, _, _ := strings.Cut(key, " ")
		likes[product] += n.likes
		if *n != (counters{}) {
			want = append(want, fmt.Sprint(key, " ", n.views, n.likes, n.orders, n.quantity, n.amount, n.log))
		}
	}
	compare.Lines(s.t, "product, day and counters", want, s.db.Column(ctx, `
		SELECT concat_ws(' ', product_id, day, views, likes, orders, quantity, amount, amount_log) FROM product_metrics
		WHERE (views, likes, orders, quantity, amount, amount_log) <> (0, 0, 0, 0, 0, 0)`))
	want = nil
	for product, n := range likes {
		if n != 0 { // a like and its end in one batch leave no row
			want = append(want, fmt.Sprint(product, " ", n))
		}
	}
	compare.Lines(s.t, "product and likes", want, s.db.Column(ctx, `SELECT concat_ws(' ', product_id, like_count) FROM product_likes WHERE like_count <> 0`))
	s.checkIDs(ctx, "events that are marked", c.counted, `event_handled`)
	s.checkIDs(ctx, "events in the log", c.logged, `event_log`)
}

// checkIDs compares the ids of events, of which there are many, by their number and their hash.
func (s *shop) checkIDs(ctx context.Context, what string, want []string, from string) {
	s.t.Helper()
	slices.Sort(want)
	expected := fmt.Sprintf("%d %x", len(want), sha256.Sum256([]byte(strings.Join(want, ""))))
	got := s.db.Column(ctx, `
		SELECT count(*) || ' ' || encode(sha256(convert_to(coalesce(string_agg(event_id::text, '' ORDER BY event_id), ''), 'UTF8')), 'hex') FROM `+from)
	if got[0] != expected {
		s.t.Errorf("%s: %s, want %s", what, got[0], expected)
	}
}
