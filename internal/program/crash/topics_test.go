package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka/kafkatest"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// checkTopics reads the topics from the beginning: by the first occurrence of
// each event, every order and every like tells its whole story, in order.
func (s *shop) checkTopics(ctx context.Context, acts []*act) {
	s.t.Helper()
	stories, counted, records, repeated := map[string][]string{}, 0, 0, 0
	for _, topic := range event.Topics() {
		seen := map[string]bool{}
		for _, r := range kafkatest.All(s.t, s.brokers, topic) {
			records++
			if id := header(r, "ce_id"); seen[id] {
				repeated++
				continue
			} else if seen[id] = true; id == "" {
				s.t.Fatalf("a record without an id: %+v", r)
			}
			if counts(s.t, r) {
				counted++
			}
			s.tell(stories, r)
		}
	}
	s.t.Logf("the topics have %d records, %d of them repeat an event", records, repeated)
	s.compare("stories told by the topics", flat(expectedStories(acts)), flat(stories))
	s.compare("events handled", []string{fmt.Sprint(counted)},
		s.strings(ctx, `SELECT count(*)::text FROM event_handled WHERE consumer = '`+tally.Consumer+`'`))
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

// tell adds a record to the story that it belongs to: that of an order, or of
// a customer and a product. Views may be lost, and are no story.
func (s *shop) tell(stories map[string][]string, r *kgo.Record) {
	s.t.Helper()
	switch kind := header(r, "ce_type"); kind {
	case event.ProductLiked{}.Type(), event.ProductUnliked{}.Type():
		var e event.ProductLiked // both look the same
		if err := json.Unmarshal(r.Value, &e); err != nil {
			s.t.Fatal(err)
		}
		about := s.login(e.UserID.String()) + " " + string(r.Key)
		stories[about] = append(stories[about], kind)
	case event.OrderPlaced{}.Type(), event.OrderPaid{}.Type(), event.OrderFailed{}.Type(), event.OrderExpired{}.Type(), event.OrderCancelled{}.Type():
		stories[string(r.Key)] = append(stories[string(r.Key)], header(r, "ce_sequence")+" "+kind)
	}
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

// story is the events of an order, with the versions that they made.
func (a *act) story() []string {
	kinds := []string{event.OrderPlaced{}.Type()}
	if a.paid {
		kinds = append(kinds, event.OrderPaid{}.Type())
	}
	switch a.end {
	case "FAILED":
		kinds = append(kinds, event.OrderFailed{}.Type())
	case "EXPIRED":
		kinds = append(kinds, event.OrderExpired{}.Type())
	case "CANCELLED":
		kinds = append(kinds, event.OrderCancelled{}.Type())
	}
	for i, kind := range kinds {
		kinds[i] = fmt.Sprint(i+1, " ", kind)
	}
	return kinds
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
