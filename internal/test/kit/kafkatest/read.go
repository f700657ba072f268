package kafkatest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Records reads the first n records of a topic, named with its prefix, in the order of
// each partition.
func Records(tb testing.TB, brokers []string, topic string, n int) []*kgo.Record {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			tb.Fatalf("%s has %d records, %d were expected", topic, len(records), n)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// All reads all records that a topic, named with its prefix, has now, in the order of
// each partition.
func All(tb testing.TB, brokers []string, topic string) []*kgo.Record {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(tb.Context(), topic)
	if err != nil {
		tb.Fatal(err)
	}
	n := 0
	ends.Each(func(o kadm.ListedOffset) { n += int(o.Offset) })
	return Records(tb, brokers, topic, n)
}

// Header returns a header of a record; empty: it has none of this name.
func Header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// FirstOccurrences returns the records without those that repeat the event id of
// an earlier one, and how many were repeated.
func FirstOccurrences(all []*kgo.Record) (first []*kgo.Record, repeated int) {
	seen := map[string]bool{}
	for _, r := range all {
		id := r.Topic + " " + Header(r, "ce_id")
		if seen[id] {
			repeated++
			continue
		}
		seen[id] = true
		first = append(first, r)
	}
	return first, repeated
}

// AllTopics reads all records of all topics with a prefix, dead letters included.
func AllTopics(tb testing.TB, brokers []string, prefix string) (all []*kgo.Record) {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range topics.Names() {
		if strings.HasPrefix(name, prefix) {
			all = append(all, All(tb, brokers, name)...)
		}
	}
	return all
}
