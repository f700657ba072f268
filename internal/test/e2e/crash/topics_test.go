package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	payments "github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// topics is what the topics say, by the first occurrence of each event.
type topics struct {
	histories map[string][]string // the events of each order, and of each customer's likes of a product
	refunds   []string
	views     map[string]int // by product and day
	counted   int            // events that the streamer counts
}

// checkTopics reads the topics from the beginning. By the first occurrence of each
// event, the events of every order and every like must be complete and in order,
// and every refund must have its event. The streamer must have marked as many
// events as it counts, and added up the views; its counters of likes and sales are
// checked by commerce verify.
func (s *shop) checkTopics(ctx context.Context, acts []*act) {
	s.t.Helper()
	all := s.readTopics(ctx)
	s.compare("events by order and like", flat(expectedHistories(acts)), flat(all.histories))
	s.compare("refund events", s.db.Column(ctx, `SELECT concat_ws(' ', p.order_id, h.detail)
		FROM payment_history h JOIN payments p ON p.id = h.payment_id WHERE h.what = $1`, payments.ActionRefunded), all.refunds)
	if marked := s.db.Count(ctx, `SELECT count(*) FROM event_handled`); marked != int64(all.counted) {
		s.t.Errorf("the streamer has marked %d events of %d", marked, all.counted)
	}
	var views []string
	for place, n := range all.views {
		views = append(views, fmt.Sprint(place, ": ", n))
	}
	s.compare("counters of views", views,
		s.db.Column(ctx, `SELECT product_id || ' on ' || day || ': ' || views FROM product_metrics WHERE views <> 0`))
	if len(views) == 0 {
		s.t.Error("no view was counted")
	}
}

func (s *shop) readTopics(ctx context.Context) topics {
	s.t.Helper()
	all := topics{histories: map[string][]string{}, views: map[string]int{}}
	for _, topic := range event.Topics() {
		records, repeated := kafkatest.FirstOccurrences(kafkatest.All(s.t, s.brokers, topic))
		s.t.Logf("%s has %d events, and %d records repeat one", topic, len(records), repeated)
		for _, r := range records {
			if kafkatest.Header(r, "ce_id") == "" {
				s.t.Fatalf("a record without an id: %+v", r)
			}
			if counts(s.t, r) {
				all.counted++
			}
			s.add(ctx, &all, r)
		}
	}
	return all
}

// counts reports whether the streamer counts such an event. It counts a cancel only
// if the order was paid.
func counts(t *testing.T, r *kgo.Record) bool {
	t.Helper()
	switch kafkatest.Header(r, "ce_type") {
	case event.ProductViewed{}.Type(), event.ProductLiked{}.Type(), event.ProductUnliked{}.Type(), event.OrderPaid{}.Type():
		return true
	case event.OrderCancelled{}.Type():
		var e event.OrderCancelled
		decode(t, r, &e)
		return e.PaidAt != nil
	default:
		return false
	}
}

// add adds a record. A refund event may come before or after the other events of
// its order. Views may be lost, and have no history.
func (s *shop) add(ctx context.Context, all *topics, r *kgo.Record) {
	s.t.Helper()
	key := string(r.Key)
	switch kind := kafkatest.Header(r, "ce_type"); kind {
	case event.ProductViewed{}.Type():
		all.views[fmt.Sprint(key, " on ", day(s.t, r))]++
	case event.ProductLiked{}.Type(), event.ProductUnliked{}.Type():
		var e event.ProductLiked // both look the same
		decode(s.t, r, &e)
		about := s.login(ctx, e.UserID.String()) + " " + key
		all.histories[about] = append(all.histories[about], kind)
	case event.OrderPlaced{}.Type(), event.OrderPaid{}.Type(), event.OrderFailed{}.Type(), event.OrderExpired{}.Type(), event.OrderCancelled{}.Type():
		all.histories[key] = append(all.histories[key], strings.TrimLeft(kafkatest.Header(r, "ce_sequence"), "0")+" "+kind)
	case event.PaymentRequested{}.Type(), event.PaymentApproved{}.Type(), event.PaymentDeclined{}.Type():
		all.histories[key] = append(all.histories[key], kind)
	case event.PaymentRefunded{}.Type():
		var e event.PaymentRefunded
		decode(s.t, r, &e)
		all.refunds = append(all.refunds, key+" "+e.TransactionKey)
	}
}

func decode(t *testing.T, r *kgo.Record, e event.Event) {
	t.Helper()
	if err := json.Unmarshal(r.Value, e); err != nil {
		t.Fatal(err)
	}
}

// day returns the day on which an event happened.
func day(t *testing.T, r *kgo.Record) clock.Day {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, kafkatest.Header(r, "ce_time"))
	if err != nil {
		t.Fatal(err)
	}
	return clock.DayOf(at)
}

func expectedHistories(acts []*act) map[string][]string {
	histories := map[string][]string{}
	for _, a := range acts {
		switch a.kind {
		case view, charge, coupon, cancel:
		case like, unlike:
			about, kind := fmt.Sprint(a.user, " ", a.product), event.ProductLiked{}.Type()
			if a.kind == unlike {
				kind = event.ProductUnliked{}.Type()
			}
			histories[about] = append(histories[about], kind)
		case order:
			histories[a.id] = a.history()
		}
	}
	return histories
}

// history returns the events of an order, with the versions that they made, and of
// its payment, without refunds.
func (a *act) history() []string {
	version := 0
	step := func(e event.Event) string {
		version++
		return fmt.Sprint(version, " ", e.Type())
	}
	all := []string{step(event.OrderPlaced{})}
	card := func(e event.Event) {
		if a.pay.card > 0 {
			all = append(all, e.Type())
		}
	}
	card(event.PaymentRequested{})
	if a.paid {
		card(event.PaymentApproved{})
		all = append(all, step(event.OrderPaid{}))
	}
	switch a.status {
	case "FAILED":
		all = append(all, event.PaymentDeclined{}.Type(), step(event.OrderFailed{}))
	case "EXPIRED":
		all = append(all, event.PaymentDeclined{}.Type(), step(event.OrderExpired{}))
	case "CANCELLED":
		all = append(all, step(event.OrderCancelled{}))
		if !a.paid {
			card(event.PaymentDeclined{})
		}
	}
	return all
}

// flat returns a line for each history.
func flat(histories map[string][]string) (lines []string) {
	for _, about := range slices.Sorted(maps.Keys(histories)) {
		lines = append(lines, about+": "+strings.Join(histories[about], ", "))
	}
	return lines
}

// login returns the loginId of a user.
func (s *shop) login(ctx context.Context, userID string) string {
	s.t.Helper()
	if s.logins == nil {
		s.logins = map[string]string{}
		for _, line := range s.db.Column(ctx, `SELECT id || ' ' || login_id FROM users`) {
			id, login, _ := strings.Cut(line, " ")
			s.logins[id] = login
		}
	}
	return s.logins[userID]
}
