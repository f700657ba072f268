package kafka

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

// dead returns the record of an event as it is in the dead-letter topic.
func dead(t *testing.T) *kgo.Record {
	t.Helper()
	r := ranked().config.encode(envelope(t))
	r.Partition, r.Offset, r.Timestamp = 3, 42, time.UnixMilli(1_700_000_000_123)
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: "of-its-own"})
	c := ranked()
	for range attempts() {
		r = c.next(r, errors.New("no such product"))
	}
	r.Partition, r.Offset, r.Timestamp = 1, 7, time.UnixMilli(1_700_000_009_000)
	return r
}

func TestALetterSaysWhatTheHeadersOfItsRecordSay(t *testing.T) {
	t.Parallel()
	r := dead(t)
	at, sent := time.UnixMilli(1_700_000_000_123).UTC(), envelope(t)
	got := ranked().config.letterOf(r, id.ID{9})
	want := deadletter.Letter{
		ID: id.ID{9}, At: deadletter.Place{Topic: "order-events-dlt", Partition: 1, Offset: 7}, DeadAt: r.Timestamp.UTC(), ChangedAt: r.Timestamp.UTC(),
		Origin: deadletter.Place{Topic: event.OrderTopic, Partition: 3, Offset: 42}, OriginAt: &at, Group: "ranking", Key: sent.Key,
		EventID: sent.ID, Type: "order.paid", Cause: CauseFailed, Message: "no such product", Attempts: 3, Size: int64(size(r)), State: deadletter.New,
	}
	content := got.Content
	got.Content = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	original := ranked().config.encode(sent)
	if n := len(content.Headers); n != len(original.Headers)+1 || content.Headers[n-1].Name != "of-its-own" ||
		!bytes.Equal(content.Key, original.Key) || !bytes.Equal(content.Value, original.Value) {
		t.Errorf("the content is %+v", content)
	}
}

// A replayed record is the one that failed, with all attempts before it. Wherever it
// goes from there, it says how often it was replayed.
func TestAReplayedRecordIsTheOneThatFailed(t *testing.T) {
	t.Parallel()
	c := ranked()
	now := time.UnixMilli(1_700_000_010_000)
	l := c.config.letterOf(dead(t), id.ID{9})
	for replays := range 2 {
		l.Replays = replays
		golden := c.config.encode(envelope(t))
		r := c.config.replayOf(l, now)
		if r.Topic != "shop-order-events-ranking-retry-1000" || !bytes.Equal(r.Key, golden.Key) || !bytes.Equal(r.Value, golden.Value) ||
			text(r.Headers, headerID) != envelope(t).ID.String() || !dueTime(r).Equal(now) {
			t.Errorf("%s %s %s with %v", r.Topic, r.Key, r.Value, r.Headers)
		}
		for range attempts() - 1 {
			if r = c.next(r, errors.New("still none")); r.Topic == "shop-order-events-dlt" {
				t.Fatal("it was not tried as often as a new one")
			}
		}
		r = c.next(r, errors.New("still none"))
		again := c.config.letterOf(r, id.ID{10})
		if r.Topic != "shop-order-events-dlt" || again.Identity() != l.Identity() || again.Failures != replays+1 || again.Attempts != 3 {
			t.Errorf("in %s it is %+v", r.Topic, again)
		}
	}
}

// Whatever somebody writes into a dead-letter topic, it is a letter that can be stored.
func FuzzLetterOf(f *testing.F) {
	f.Add([]byte("k"), []byte("v"), DeadOffset, []byte("-1"), int64(0))
	f.Add([]byte{0}, []byte(nil), DeadTopic, []byte("shop-\x00\xFF"), int64(-1))
	f.Add([]byte{0}, []byte(nil), Replays, []byte("99999999999999999999"), int64(1))
	f.Add([]byte{0}, []byte(nil), DeadTimestamp, []byte("9223372036854775807"), int64(1))
	f.Fuzz(func(t *testing.T, key, value []byte, name string, content []byte, at int64) {
		r := &kgo.Record{
			Topic: "shop-order-events-dlt", Key: key, Value: value, Timestamp: time.UnixMilli(at % lastMilli),
			Headers: []kgo.RecordHeader{{Key: name, Value: content}},
		}
		l := ranked().config.letterOf(r, id.ID{9})
		for _, s := range []string{l.Key, l.Type, l.Cause, l.Message, l.Group, l.Origin.Topic, l.At.Topic, l.Identity()} {
			if s != deadletter.Message([]byte(s)) {
				t.Errorf("%q cannot be stored", s)
			}
		}
		if l.Replayable() == nil {
			t.Error("a record that does not say where it is from can be replayed")
		}
		if l.Origin.Offset < -1 || l.Origin.Partition < -1 || l.Attempts < 0 || l.Failures < 0 {
			t.Errorf("%+v", l)
		}
	})
}

func TestALargeLetterHasItsPlacesOnly(t *testing.T) {
	t.Parallel()
	r := dead(t)
	r.Value = make([]byte, deadletter.MaxContent)
	if l := ranked().config.letterOf(r, id.ID{9}); l.Content != nil || l.Size <= deadletter.MaxContent || l.Origin.Offset != 42 {
		t.Errorf("%+v", l)
	}
}
