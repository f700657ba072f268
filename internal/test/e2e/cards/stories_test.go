package cards_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// records reads every topic of the shop, dead letters and all, to its end.
func (s *shop) records(ctx context.Context) (all []*kgo.Record) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics := must(admin.ListTopics(ctx))(s.t.Fatal).Names()
	topics = slices.DeleteFunc(topics, func(name string) bool { return !strings.HasPrefix(name, s.prefix) })
	left := map[string]map[int32]kgo.Offset{}
	ends := must(admin.ListEndOffsets(ctx, topics...))(s.t.Fatal)
	behind := int64(0)
	ends.Each(func(o kadm.ListedOffset) {
		if left[o.Topic] == nil {
			left[o.Topic] = map[int32]kgo.Offset{}
		}
		left[o.Topic][o.Partition] = kgo.NewOffset().AtStart()
		behind += o.Offset
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumePartitions(left))
	if err != nil {
		s.t.Fatal(err)
	}
	defer reader.Close()
	for int64(len(all)) < behind {
		f := reader.PollFetches(ctx)
		if err := f.Err(); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, f.Records()...)
	}
	return all
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// checkStories demands that the events of every order tell its history, each
// once, in its order, and nothing else.
func (s *shop) checkStories(ctx context.Context) {
	s.t.Helper()
	if out := s.commerce("verify", "--wait", "60s", "--no-board"); s.t.Failed() { // the outbox is empty
		s.t.Fatal(out)
	}
	told, seen, repeated := map[string][]string{}, map[string]bool{}, 0
	for _, r := range s.records(ctx) {
		if r.Topic != s.prefix+event.OrderTopic || !strings.HasPrefix(header(r, "ce_type"), "order.") {
			continue
		}
		if seen[header(r, "ce_id")] {
			repeated++
			continue
		}
		seen[header(r, "ce_id")] = true
		told[string(r.Key)] = append(told[string(r.Key)], header(r, "ce_sequence")+" "+header(r, "ce_type"))
	}
	want := map[string][]string{}
	for _, line := range s.strings(ctx, `SELECT concat_ws(' ', order_id, version, CASE status WHEN 'PENDING' THEN 'order.placed' ELSE 'order.' || lower(status) END)
		FROM order_history ORDER BY order_id, version`) {
		order, step, _ := strings.Cut(line, " ")
		want[order] = append(want[order], step)
	}
	if !maps.EqualFunc(want, told, slices.Equal[[]string]) {
		for order, story := range want {
			if !slices.Equal(story, told[order]) {
				s.t.Errorf("order %s is told as %v, want %v", order, told[order], story)
			}
		}
		s.t.Errorf("%d orders are told of, want %d", len(told), len(want))
	}
	s.t.Logf("%d orders are told by their events, %d events came again", len(told), repeated)
}
