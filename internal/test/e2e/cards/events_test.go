package cards_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// checkEvents checks that the first occurrences of the events of every order are its
// history, complete and in order, and nothing else.
func (s *shop) checkEvents(ctx context.Context) {
	s.t.Helper()
	if out := s.commerce("verify", "--wait", "60s", "--no-board"); s.t.Failed() { // the outbox is empty
		s.t.Fatal(out)
	}
	records, repeated := kafkatest.FirstOccurrences(kafkatest.All(s.t, s.on.Brokers, s.on.Prefix+event.OrderTopic))
	got := map[string][]string{}
	for _, r := range records {
		if kind := kafkatest.Header(r, "ce_type"); strings.HasPrefix(kind, "order.") {
			got[string(r.Key)] = append(got[string(r.Key)], strings.TrimLeft(kafkatest.Header(r, "ce_sequence"), "0")+" "+kind)
		}
	}
	want := map[string][]string{}
	for _, line := range s.db.Column(ctx, `SELECT concat_ws(' ', order_id, version, CASE status WHEN 'PENDING' THEN 'order.placed' ELSE 'order.' || lower(status) END)
		FROM order_history ORDER BY order_id, version`) {
		order, step, _ := strings.Cut(line, " ")
		want[order] = append(want[order], step)
	}
	if !maps.EqualFunc(want, got, slices.Equal[[]string]) {
		for order, history := range want {
			if !slices.Equal(history, got[order]) {
				s.t.Errorf("order %s has the events %v, want %v", order, got[order], history)
			}
		}
		s.t.Errorf("%d orders have events, want %d", len(got), len(want))
	}
	s.t.Logf("%d orders have events, %d records repeat one", len(got), repeated)
}
