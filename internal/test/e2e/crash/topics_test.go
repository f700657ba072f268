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

	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// told is what the topics tell, by the first occurrence of each event.
type told struct {
	stories           map[string][]string // of orders, and of likes
	refunds           []string
	views             map[string]int // by product and day
	counted           int            // events that the streamer keeps count of
	records, repeated int
}

// checkTopics reads the topics from the beginning: by the first occurrence of
// each event, every order and every like tells its whole story, in order, and
// every refund is told of. What the streamer marked is as many as it must count,
// and what it added of views is what the topics have; of likes and sales, which
// have books, verify says so.
func (s *shop) checkTopics(ctx context.Context, acts []*act) {
	s.t.Helper()
	all := s.read()
	s.t.Logf("the topics have %d records, %d of them repeat an event", all.records, all.repeated)
	s.compare("stories told by the topics", flat(expectedStories(acts)), flat(all.stories))
	s.compare("refunds told by the topics", s.strings(ctx, fmt.Sprintf(`SELECT concat_ws(' ', p.order_id, h.detail)
		FROM payment_history h JOIN payments p ON p.id = h.payment_id WHERE h.what = '%s'`, payment.ActionRefunded)), all.refunds)
	s.compare("events handled", []string{fmt.Sprint(all.counted)},
		s.strings(ctx, `SELECT count(*)::text FROM event_handled WHERE consumer = '`+tally.Consumer+`'`))
	var views []string
	for place, n := range all.views {
		views = append(views, fmt.Sprint(place, ": ", n))
	}
	s.compare("counters of views", views,
		s.strings(ctx, `SELECT product_id || ' on ' || day || ': ' || views FROM product_metrics WHERE views <> 0`))
	if len(views) == 0 {
		s.t.Error("nobody has looked at anything")
	}
}

func (s *shop) read() told {
	s.t.Helper()
	all := told{stories: map[string][]string{}, views: map[string]int{}}
	for _, topic := range event.Topics() {
		seen := map[string]bool{}
		for _, r := range kafkatest.All(s.t, s.brokers, topic) {
			all.records++
			if id := header(r, "ce_id"); seen[id] {
				all.repeated++
				continue
			} else if seen[id] = true; id == "" {
				s.t.Fatalf("a record without an id: %+v", r)
			}
			if counts(s.t, r) {
				all.counted++
			}
			s.tell(&all, r)
		}
	}
	return all
}

// counts reports whether the streamer keeps count of such an event: of a cancel
// only if the order was paid.
func counts(t *testing.T, r *kgo.Record) bool {
	t.Helper()
	switch header(r, "ce_type") {
	case event.ProductViewed{}.Type(), event.ProductLiked{}.Type(), event.ProductUnliked{}.Type(), event.OrderPaid{}.Type():
		return true
	case event.OrderCancelled{}.Type():
		var e event.OrderCancelled
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Fatal(err)
		}
		return e.PaidAt != nil
	default:
		return false
	}
}

// tell adds a record to what it tells of: an order, or a customer and a product.
// A refund is told of whenever the gateway has given something back, before or
// after whatever else happens to its order. Views may be lost, and are no story.
func (s *shop) tell(all *told, r *kgo.Record) {
	s.t.Helper()
	key := string(r.Key)
	switch kind := header(r, "ce_type"); kind {
	case event.ProductViewed{}.Type():
		all.views[fmt.Sprint(key, " on ", s.day(r))]++
	case event.ProductLiked{}.Type(), event.ProductUnliked{}.Type():
		var e event.ProductLiked // both look the same
		s.unpack(r, &e)
		about := s.login(e.UserID.String()) + " " + key
		all.stories[about] = append(all.stories[about], kind)
	case event.OrderPlaced{}.Type(), event.OrderPaid{}.Type(), event.OrderFailed{}.Type(), event.OrderExpired{}.Type(), event.OrderCancelled{}.Type():
		all.stories[key] = append(all.stories[key], header(r, "ce_sequence")+" "+kind)
	case event.PaymentRequested{}.Type(), event.PaymentApproved{}.Type(), event.PaymentDeclined{}.Type():
		all.stories[key] = append(all.stories[key], kind)
	case event.PaymentRefunded{}.Type():
		var e event.PaymentRefunded
		s.unpack(r, &e)
		all.refunds = append(all.refunds, key+" "+e.TransactionKey)
	}
}

func (s *shop) unpack(r *kgo.Record, e event.Event) {
	s.t.Helper()
	if err := json.Unmarshal(r.Value, e); err != nil {
		s.t.Fatal(err)
	}
}

// day is when what a record tells of happened.
func (s *shop) day(r *kgo.Record) clock.Day {
	s.t.Helper()
	at, err := time.Parse(time.RFC3339Nano, header(r, "ce_time"))
	if err != nil {
		s.t.Fatal(err)
	}
	return clock.DayOf(at)
}

func expectedStories(acts []*act) map[string][]string {
	stories := map[string][]string{}
	for _, a := range acts {
		switch a.kind {
		case view, charge, coupon, cancel:
		case like, unlike:
			about, kind := fmt.Sprint(a.who, " ", a.product), event.ProductLiked{}.Type()
			if a.kind == unlike {
				kind = event.ProductUnliked{}.Type()
			}
			stories[about] = append(stories[about], kind)
		case order:
			stories[a.id] = a.story()
		}
	}
	return stories
}

// story is the events of an order, with the versions that they made, and of its
// payment, but for refunds.
func (a *act) story() []string {
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
	switch a.end {
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

// flat has a line for each story.
func flat(stories map[string][]string) (lines []string) {
	for _, about := range slices.Sorted(maps.Keys(stories)) {
		lines = append(lines, about+": "+strings.Join(stories[about], ", "))
	}
	return lines
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// login returns the loginId of a user.
func (s *shop) login(userID string) string {
	s.t.Helper()
	if s.logins == nil {
		s.logins = map[string]string{}
		for _, line := range s.strings(s.t.Context(), `SELECT id || ' ' || login_id FROM users`) {
			id, login, _ := strings.Cut(line, " ")
			s.logins[id] = login
		}
	}
	return s.logins[userID]
}
