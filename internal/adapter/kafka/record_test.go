package kafka

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

func envelope(tb testing.TB) event.Envelope {
	tb.Helper()
	order, err := id.Parse("0192f0c1-0000-7000-8000-00000000000b")
	if err != nil {
		tb.Fatal(err)
	}
	at := time.Date(2025, time.November, 3, 23, 59, 59, 120_000, time.UTC)
	v, err := event.Wrap(order, at, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", event.OrderPaid{Order: event.Order{
		OrderID: order, Version: 2, UserID: order, Amount: 3_950, Lines: []event.Line{{ProductID: 17, Quantity: 1, UnitPrice: 3_950}},
	}, PaidAt: at})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestARecordHasItsWireFormat(t *testing.T) {
	t.Parallel()
	golden(t, "testdata/record.golden", Config{Prefix: "shop-"}.encode(envelope(t)))
}

// The headers of dead letters are read by other programs: no name in them may
// change when Go code is renamed or moved.
func TestADeadLetterHasItsWireFormat(t *testing.T) {
	t.Parallel()
	r := Config{Prefix: "shop-"}.encode(envelope(t))
	r.Partition, r.Offset, r.Timestamp = 3, 42, time.UnixMilli(1_700_000_000_123)
	cause := fmt.Errorf("%w: ce_id is missing", event.ErrUnreadable)
	golden(t, "testdata/deadletter.golden", ranked().next(r, cause))
}

// ranked returns a consumer of the group ranking that has no client.
func ranked() *Consumer {
	c := Config{Prefix: "shop-", Clock: func() time.Time { return time.UnixMilli(1_700_000_000_500) }}
	return &Consumer{config: c, name: "ranking", group: "shop-ranking", sources: c.sources("ranking", event.Topics())}
}

func TestARecordToRetryHasItsWireFormat(t *testing.T) {
	t.Parallel()
	r := Config{Prefix: "shop-"}.encode(envelope(t))
	r.Partition, r.Offset, r.Timestamp = 3, 42, time.UnixMilli(1_700_000_000_123)
	golden(t, "testdata/retry.golden", ranked().next(r, errors.New("no such product")))
}

// Wherever a record is tried again, the headers say where it was at first, and no
// header is there twice.
func TestARecordPassesThroughTheRetryTopicsInOrder(t *testing.T) {
	t.Parallel()
	c := ranked()
	r := c.config.encode(envelope(t))
	r.Partition, r.Offset = 3, 42
	var visited []string
	for range 3 {
		r = c.next(r, errors.New("no such product"))
		visited = append(visited, r.Topic)
		for name, want := range map[string]string{DeadTopic: "shop-order-events", DeadOffset: "42", DeadPartition: "3"} {
			if got := text(r.Headers, name); got != want {
				t.Errorf("in %s, %s is %q, want %q", r.Topic, name, got, want)
			}
		}
		seen := map[string]bool{}
		for _, h := range r.Headers {
			if seen[h.Key] {
				t.Errorf("in %s, %s is there twice", r.Topic, h.Key)
			}
			seen[h.Key] = true
		}
	}
	want := []string{"shop-order-events-ranking-retry-1000", "shop-order-events-ranking-retry-2000", "shop-order-events-dlt"}
	if diff := cmp.Diff(want, visited); diff != "" {
		t.Error(diff)
	}
	if got := text(r.Headers, RetryAttempts); got != "3" {
		t.Errorf("the dead letter says that it was tried %s times", got)
	}
}

// Anyone can write any headers: they neither delay a record nor name a topic.
func TestHeadersOfARecordThatWasNotRetriedAreNotBelieved(t *testing.T) {
	t.Parallel()
	c := ranked()
	r := c.config.encode(envelope(t))
	r.Headers = append(r.Headers, header(DeadTopic, "elsewhere"), header(RetryAttempts, "3"), header(RetryDue, "9999999999999"),
		header("Commerce-Replays", "7"))
	n := c.next(r, errors.New("no such product"))
	if n.Topic != "shop-order-events-ranking-retry-1000" || text(n.Headers, DeadTopic) != "shop-order-events" {
		t.Errorf("it goes to %s and says that it is from %s", n.Topic, text(n.Headers, DeadTopic))
	}
	if got := text(n.Headers, Replays); got != "" {
		t.Errorf("it says that it was replayed %s times", got)
	}
}

// golden compares a record with a file, which -update writes.
func golden(t *testing.T, path string, r *kgo.Record) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "topic %s\nkey %s\n", r.Topic, r.Key)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Key, h.Value)
	}
	fmt.Fprintf(&b, "\n%s\n", r.Value)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("(-golden +now):\n%s", diff)
	}
}

func TestWhatWasEncodedIsDecoded(t *testing.T) {
	t.Parallel()
	c := Config{Prefix: "shop-"}
	plain, err := event.Wrap(id.ID{1}, time.Unix(0, 0), "", event.NewStockDepleted(9))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []event.Envelope{envelope(t), plain} {
		got, err := c.decode(c.encode(want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-sent +read):\n%s", diff)
		}
	}
}

func TestARecordInAnotherFormatIsUnreadable(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*kgo.Record) {
		return func(r *kgo.Record) {
			i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == name })
			r.Headers[i].Value = []byte(value)
		}
	}
	drop := func(name string) func(*kgo.Record) {
		return func(r *kgo.Record) {
			r.Headers = slices.DeleteFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == name })
		}
	}
	cases := map[string]func(*kgo.Record){
		"no headers":        func(r *kgo.Record) { r.Headers = nil },
		"no key":            func(r *kgo.Record) { r.Key = nil },
		"no specversion":    drop("ce_specversion"),
		"another version":   set("ce_specversion", "0.3"),
		"no id":             drop("ce_id"),
		"an id of another":  set("ce_id", "42"),
		"no source":         drop("ce_source"),
		"no type":           drop("ce_type"),
		"no time":           drop("ce_time"),
		"a time of its own": set("ce_time", "yesterday"),
		"structured mode":   set("content-type", "application/cloudevents+json"),
		"no content type":   drop("content-type"),
		"sequence of words": set("ce_sequence", "two"),
		"sequence of zero":  set("ce_sequence", "0"),
	}
	c := Config{}
	for what, spoil := range cases {
		r := c.encode(envelope(t))
		spoil(r)
		if v, err := c.decode(r); !errors.Is(err, event.ErrUnreadable) {
			t.Errorf("%s: read as %+v, %v", what, v, err)
		}
	}
}

func TestOptionalHeadersAndOtherSpellingsAreRead(t *testing.T) {
	t.Parallel()
	c := Config{}
	r := c.encode(envelope(t))
	r.Headers = slices.DeleteFunc(r.Headers, func(h kgo.RecordHeader) bool {
		return h.Key == headerTrace || h.Key == headerSequence || h.Key == headerTime || h.Key == headerContent
	})
	r.Headers = append(r.Headers, header("CE_TIME", "2025-11-04T08:59:59.00012+09:00"), header("Content-Type", "application/json; charset=utf-8"))
	got, err := c.decode(r)
	if err != nil {
		t.Fatal(err)
	}
	want := envelope(t)
	want.Traceparent, want.Sequence = "", 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheLastHeaderOfANameCounts(t *testing.T) {
	t.Parallel()
	c := Config{}
	r := c.encode(envelope(t))
	r.Headers = append(r.Headers, header("Ce_Type", "order.shipped"))
	if got, err := c.decode(r); err != nil || got.Type != "order.shipped" {
		t.Errorf("read as %q, %v", got.Type, err)
	}
}

// For any record, decode returns ErrUnreadable or an envelope that is equal after it
// is encoded and decoded again.
func FuzzDecode(f *testing.F) {
	r := Config{}.encode(envelope(f))
	var text []string
	for _, h := range r.Headers {
		text = append(text, h.Key+"\x00"+string(h.Value))
	}
	f.Add(r.Key, r.Value, strings.Join(text, "\x01"))
	f.Fuzz(func(t *testing.T, key, value []byte, headers string) {
		r := &kgo.Record{Topic: "t", Key: key, Value: value}
		for pair := range strings.SplitSeq(headers, "\x01") {
			name, content, _ := strings.Cut(pair, "\x00")
			r.Headers = append(r.Headers, header(name, content))
		}
		c := Config{}
		v, err := c.decode(r)
		if err != nil {
			if !errors.Is(err, event.ErrUnreadable) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := c.decode(c.encode(v))
		v.Time = v.Time.Truncate(time.Microsecond)
		if err != nil || !cmp.Equal(v, again) {
			t.Fatalf("%+v came back as %+v, %v", v, again, err)
		}
	})
}

// The extension of CloudEvents asks for texts that sort.
func TestSequencesSortAsTextsLikeTheirNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(1, math.MaxInt64).Draw(t, "a"), rapid.Int64Range(1, math.MaxInt64).Draw(t, "b")
		of := func(n int64) string {
			r := Config{}.encode(event.Envelope{Sequence: n})
			return text(r.Headers, headerSequence)
		}
		if (a < b) != (of(a) < of(b)) || (a == b) != (of(a) == of(b)) {
			t.Fatalf("%d and %d are %s and %s", a, b, of(a), of(b))
		}
	})
}
