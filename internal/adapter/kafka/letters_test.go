package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// index runs a consumer of the dead letters, which hands those that accept takes to a
// channel.
func index(t *testing.T, c kafka.Config, accept func([]deadletter.Letter) error) <-chan deadletter.Letter {
	t.Helper()
	found := make(chan deadletter.Letter, 1_000)
	consumer, err := kafka.NewDeadLetterConsumer(c, id.NewSource(time.Now, rand.Reader), func(_ context.Context, batch []deadletter.Letter) error {
		if err := accept(batch); err != nil {
			return err
		}
		for _, l := range batch {
			found <- l
		}
		return nil
	}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return found
}

func everything([]deadletter.Letter) error { return nil }

// next returns the next letter that is indexed.
func next(t *testing.T, found <-chan deadletter.Letter) deadletter.Letter {
	t.Helper()
	select {
	case l := <-found:
		return l
	case <-time.After(20 * time.Second):
		t.Fatal("no dead letter is indexed")
		return deadletter.Letter{}
	}
}

func replayer(t *testing.T, c kafka.Config) *kafka.Replayer {
	t.Helper()
	p := kafka.NewReplayer(c, quiet())
	t.Cleanup(p.Close)
	return p
}

// The way of a record that cannot be processed, from its topic to the desk and back to
// its group alone.
func TestADeadLetterIsIndexedAndReplayedToItsGroupAlone(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			batch := likes(t, 20, 1)
			publish(t, config, batch)
			var fixed sync.Map
			h := &choosy{recorder: newRecorder(), guilty: batch[7].ID, refuse: func(int) error {
				if _, ok := fixed.Load("fixed"); ok {
					return nil
				}
				return errors.New("no such product")
			}}
			other := newRecorder()
			consume(t, config, h.handle, quiet())
			consumeAs(t, another(config), "audit-log", other.handle, quiet())
			found := index(t, another(config), everything)
			l := next(t, found)
			if l.EventID != batch[7].ID || l.Group != "ranking" || l.Key != "1" || l.Type != "product.liked" || l.Cause != kafka.CauseFailed ||
				l.Message != "no such product" || l.Attempts != 3 || l.Origin.Topic != event.CatalogTopic || l.Failures != 0 || l.ExpiresAt == nil {
				t.Errorf("the letter is %+v", l)
			}
			desk := replayer(t, another(config))
			if err := errors.Join(desk.Readable(l), errors.Join(desk.Replay(t.Context(), []deadletter.Letter{l})...)); err != nil {
				t.Fatal(err)
			}
			again := next(t, found) // it is not fixed yet
			if again.Identity() != l.Identity() || again.Failures != 1 || again.Attempts != 3 || again.At == l.At {
				t.Errorf("after the first replay the letter is %+v", again)
			}
			fixed.Store("fixed", true)
			again.Replays = 1
			if err := errors.Join(desk.Replay(t.Context(), []deadletter.Letter{again})...); err != nil {
				t.Fatal(err)
			}
			h.recorder.await(t, 20)
			other.await(t, 20)
			if len(other.byKey["1"]) != 20 {
				t.Errorf("another group saw %d events", len(other.byKey["1"]))
			}
		})
	}
}

// There is no dead letter of a dead letter: one that the database refuses is indexed
// without what it has, and if even that fails its partition waits.
func TestADeadLetterThatCannotBeIndexedIsNotSentAway(t *testing.T) {
	t.Parallel()
	for what, failure := range map[string]func(){
		"an error":             nil,
		"unreadable":           nil,
		"a panic of the index": func() { panic("index out of range") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			config := embeddedBroker(t)
			topic := config.Topic(event.CatalogTopic) + "-dlt"
			for _, value := range []string{"first", "refused", "last"} {
				raw(t, config, &kgo.Record{Topic: topic, Partition: 0, Key: []byte("k"), Value: []byte(value)})
			}
			var mu sync.Mutex
			bare := 0
			found := index(t, config, func(batch []deadletter.Letter) error {
				mu.Lock()
				defer mu.Unlock()
				for _, l := range batch {
					wrong := l.Content == nil || string(l.Content.Value) == "refused"
					if l.Content == nil {
						bare++
					}
					switch {
					case !wrong || bare > 2:
					case failure != nil:
						failure()
					case what == "unreadable":
						return event.ErrUnreadable
					default:
						return errors.New("invalid byte sequence")
					}
				}
				return nil
			})
			var values []string
			for range 3 {
				if l := next(t, found); l.Content == nil {
					values = append(values, "bare")
				} else {
					values = append(values, string(l.Content.Value))
				}
			}
			if !slices.Equal(values, []string{"first", "bare", "last"}) {
				t.Errorf("indexed are %v", values)
			}
			client, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			topics, err := kadm.NewClient(client).ListTopics(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range topics.Names() {
				if strings.Contains(name, "-dlt-") || strings.Contains(name, kafka.DeadLetterGroup) {
					t.Errorf("there is a topic %s", name)
				}
			}
		})
	}
}

// letter returns a letter of an event that the group ranking could not process.
func letterOf(v event.Envelope, offset int64) deadletter.Letter {
	return deadletter.Letter{
		ID: v.ID, Origin: deadletter.Place{Topic: v.Topic, Partition: 0, Offset: offset}, Group: "ranking", EventID: v.ID, Key: v.Key,
		Content: &deadletter.Content{Key: []byte(v.Key), Value: v.Data, Headers: []deadletter.Header{{Name: "ce_id", Value: []byte(v.ID.String())}}},
	}
}

func TestReplaysOfAKeyAreInOrderAndOthersDoNotWait(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	batch := likes(t, 10, 1, 2, 3)
	var letters []deadletter.Letter
	for i, v := range batch {
		letters = append(letters, letterOf(v, int64(i)))
	}
	topic := config.Topic(kafka.RetryTopic(event.CatalogTopic, "ranking", kafka.Delays()[0]))
	refusal := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.TopicAuthorizationFailed, Count: 1})
	desk := replayer(t, config)
	failed := map[string]bool{}
	for i, err := range desk.Replay(t.Context(), letters) {
		key := letters[i].Key
		if err == nil && failed[key] {
			t.Errorf("letter %d of key %s has overtaken one that failed", i, key)
		}
		failed[key] = failed[key] || err != nil
	}
	if err := refusal.Wait(t.Context(), 1); err != nil || len(failed) != 3 || !failed["1"] && !failed["2"] && !failed["3"] {
		t.Fatalf("nothing has failed: %v", failed)
	}
	if err := errors.Join(desk.Replay(t.Context(), letters)...); err != nil {
		t.Fatal(err)
	}
	got := idsByKey(kafkatest.All(t, config.Brokers, topic))
	for key, want := range idsOf(batch) {
		if sent := got[key]; !slices.Equal(sent[len(sent)-10:], want) {
			t.Errorf("key %s: %v, want %v at the end", key, sent, want)
		}
	}
}

func idsOf(batch []event.Envelope) map[string][]string {
	ids := map[string][]string{}
	for _, v := range batch {
		ids[v.Key] = append(ids[v.Key], v.ID.String())
	}
	return ids
}

func TestAReplayThatIsNotConfirmedIsAnError(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	desk := replayer(t, config)
	cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if errs := desk.Replay(ctx, []deadletter.Letter{letterOf(likes(t, 1, 1)[0], 0)}); !errors.Is(errs[0], kafka.ErrNotConfirmed) {
		t.Errorf("Replay = %v", errs)
	}
}
