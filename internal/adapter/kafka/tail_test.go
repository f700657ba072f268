package kafka_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// rest returns the ids of the events that a group has not processed, and whether each was
// there before the last ones were sent.
func rest(t *testing.T, r *kafka.Reach) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := r.Each(t.Context(), func(o event.Opened, before bool) error {
		found[o.ID.String()] = before
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheTailIsWhatTheGroupHasNotProcessed(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			all := likes(t, 10, 1, 2)
			tail := kafka.NewTail(config, "ranking", event.Topics(), quiet())
			reach := func() *kafka.Reach {
				r, err := tail.Reach(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			publish(t, config, all[:4])
			if got := rest(t, reach()); len(got) != 4 {
				t.Errorf("of a group that has never read: %v", got)
			}
			seen := newRecorder()
			stop := consume(t, config, func(ctx context.Context, batch []event.Opened) error {
				if slices.ContainsFunc(batch, func(o event.Opened) bool { return o.ID == all[3].ID }) {
					return errors.New("a bug")
				}
				return seen.handle(ctx, batch)
			}, quiet())
			seen.await(t, 3)
			await(t, "the other one is in a retry topic", func() bool { return metric(t, config, "commerce_consumed_retries_total") >= 1 })
			stop()
			publish(t, config, all[4:8])
			r := reach()
			publish(t, config, all[8:])
			got := rest(t, r)
			for i, v := range all {
				before, there := got[v.ID.String()]
				if want := i >= 3; there != want && i != 3 || there && before != (i < 8) {
					t.Errorf("event %d: there %v, before %v", i, there, before)
				}
			}
			remake(t, config, event.CatalogTopic)
			publish(t, config, all[:2])
			if got := rest(t, reach()); len(got) < 2 {
				t.Errorf("of a topic that was made again: %v", got)
			}
		})
	}
}
