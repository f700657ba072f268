package relay_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// allow sets the size of the largest record of a topic, and waits until the broker says so.
// It may be a moment more until the broker goes by it.
func (w *world) allow(bytes string) {
	w.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...))
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	changes := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &bytes}}
	admin, topic := kadm.NewClient(client), w.config.Topic(event.CatalogTopic)
	results, err := admin.AlterTopicConfigs(w.Context(), changes, topic)
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			w.Fatal(r.Err)
		}
	}
	w.until("the broker knows the limit", func() bool {
		all, err := admin.DescribeTopicConfigs(w.Context(), topic)
		if err != nil {
			w.Fatal(err)
		}
		known, err := all.On(topic, nil)
		return err == nil && slices.ContainsFunc(known.Configs, func(c kadm.Config) bool {
			return c.Key == "max.message.bytes" && c.MaybeValue() == bytes
		})
	})
}

// addLarge commits an event of a product with 20,000 bytes that cannot be compressed.
func (w *world) addLarge(product int64) {
	w.Helper()
	var text strings.Builder
	for text.Len() < 20_000 {
		text.WriteString(rand.Text())
	}
	err := w.db.Update(w.Context(), func(tx store.Tx) error {
		w.deltas[product]++
		tx.Outbox.Append(time.Now(), event.NewStockAdjusted(product, w.deltas[product], 0, text.String()))
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) asideNow(desk *relay.Desk) []relay.Aside {
	w.Helper()
	list, err := desk.List(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// retryAll retries the events that wait for a decision.
func (w *world) retryAll(desk *relay.Desk) {
	w.Helper()
	for _, a := range w.asideNow(desk) {
		if a.State != store.Waits {
			continue
		}
		if err := desk.Retry(w.Context(), a.Seq); err != nil {
			w.Fatal(err)
		}
	}
}

// together returns another product in the partition of product 1.
func together() int64 {
	for p := int64(2); ; p++ {
		if partitionOf(p) == partitionOf(1) {
			return p
		}
	}
}

// An event is larger than the brokers allow. It holds up its key, and nothing else: not the
// other keys of its partition either, whose batches may be too large, too.
func TestAnEventThatIsTooLargeIsSetAside(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) *world{
		"embedded": newWorld,
		"real": func(t *testing.T) *world {
			t.Helper()
			config := kafkatest.Config(kafkatest.Real(t))
			if err := kafka.EnsureTopics(t.Context(), config, quiet()); err != nil {
				t.Fatal(err)
			}
			return newWorldOn(t, nil, config)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			desk := relay.NewDesk(w.db, time.Now)
			w.allow("4000")
			w.addLarge(1)
			w.add(1, 40)
			w.add(together(), 300)
			for _, p := range elsewhere(5) {
				w.add(p, 100)
			}
			w.until("all but the key is relayed", func() bool { return w.waiting() == 41 })
			w.until("the rest of the key is held", func() bool {
				list := w.asideNow(desk)
				return len(list) == 1 && list[0].Behind == 40 && list[0].State == store.Waits
			})
			a := w.asideNow(desk)[0]
			if !strings.Contains(a.Reason, "MESSAGE_TOO_LARGE") || a.Envelope.Key != "1" || a.Attempts < 2 || a.Bytes < 20_000 {
				t.Errorf("%+v", a)
			}
			w.until("the metric counts it", func() bool { w.meter.mu.Lock(); defer w.meter.mu.Unlock(); return w.meter.aside == 1 })
			if err := desk.Retry(t.Context(), a.Seq); err != nil { // too early
				t.Fatal(err)
			}
			w.until("it is set aside again", func() bool {
				list := w.asideNow(desk)
				return len(list) == 1 && list[0].State == store.Waits && list[0].Attempts == a.Attempts+1
			})
			w.allow("1048588")
			w.add(1, 3)
			w.until("everything is relayed", func() bool {
				w.retryAll(desk) // again: the broker may not go by the new limit yet
				return w.waiting() == 0 && len(w.asideNow(desk)) == 0
			})
			w.inOrder()
		})
	}
}

// What waits behind an event that is discarded is sent, in order.
func TestWhatIsBehindADiscardedEventIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	desk := relay.NewDesk(w.db, time.Now)
	w.allow("4000")
	w.addLarge(1)
	w.add(1, 5)
	w.until("it is set aside", func() bool { return len(w.asideNow(desk)) == 1 })
	seq := w.asideNow(desk)[0].Seq
	for _, wrong := range [][2]string{{"kim", " \n"}, {"", "not needed"}, {"kim", "a\u202eb"}} {
		if err := desk.Discard(t.Context(), seq, wrong[0], wrong[1]); !errors.Is(err, fault.ErrValidation) {
			t.Errorf("%+q: %v", wrong, err)
		}
	}
	if err := desk.Discard(t.Context(), seq, "kim", "not needed"); err != nil {
		t.Fatal(err)
	}
	w.until("the rest is relayed", func() bool { return w.waiting() == 0 && len(w.asideNow(desk)) == 0 })
	got := firstDeltas(t, kafkatest.All(t, w.config.Brokers, w.config.Topic(event.CatalogTopic)))[1]
	if len(got) != 5 || got[0] != 2 || got[4] != 6 {
		t.Errorf("in the log: %v, want 2 to 6", got)
	}
	if err := desk.Discard(t.Context(), seq, "kim", "again"); err == nil {
		t.Error("it was discarded twice")
	}
}

// One refusal says little: a partition may refuse everything for a moment.
func TestAnEventThatIsRefusedOnceIsNotSetAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &refusing{times: 4}
		start(t, 1, connection{database: db}, log, quiet())
		db.add(3, "a", "b")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(db.aside) != 0 || db.left() != 0 {
			t.Errorf("%d events are set aside, %d wait", len(db.aside), db.left())
		}
	})
}

// refusing is a topic that refuses some attempts to publish events of key a.
type refusing struct {
	topic

	times int
}

func (r *refusing) Publish(ctx context.Context, batch []event.Envelope) []error {
	if batch[0].Key == "a" && r.times > 0 {
		r.times--
		errs := make([]error, len(batch))
		for i := range errs {
			errs[i] = event.ErrUnsendable
		}
		return errs
	}
	return r.topic.Publish(ctx, batch)
}

// Whatever events a topic refuses, and however often an operator tries again, each key
// stays in order, and keys without such an event do not wait.
func TestEventsThatAreRefusedDoNotReorderTheirKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(rt, "events")
		bad := rapid.SliceOfN(rapid.Int64Range(1, int64(2*n)), 1, 4).Draw(rt, "refused")
		synctest.Test(t, func(t *testing.T) {
			db, log := newDatabase(), &picky{refused: bad}
			p := start(t, 1, connection{database: db}, log, quiet())
			all := db.add(n, "a", "b", "c")
			desk := relay.NewDesk(connection{database: db}, time.Now)
			for len(log.remaining()) > 0 {
				all = append(all, db.add(1, "a", "b", "c")...)
				p.committed <- struct{}{}
				time.Sleep(30 * time.Second)
				list, err := desk.List(t.Context())
				if err != nil || len(list) == 0 {
					break
				}
				for _, a := range list {
					log.allow(a.Seq)
					if err := desk.Retry(t.Context(), a.Seq); err != nil {
						rt.Error(err)
					}
				}
			}
			time.Sleep(30 * time.Second)
			if diff := cmp.Diff(firsts(all), firsts(log.written())); diff != "" || db.left() != 0 || len(db.aside) != 0 {
				rt.Errorf("%d rows and %d keys are left; (-committed +log):\n%s", db.left(), len(db.aside), diff)
			}
			p.stop()
		})
	})
}

// picky is a topic that refuses a batch, for each key, if it has an event that is refused.
type picky struct {
	topic

	refused []int64
}

func (p *picky) remaining() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.refused)
}

func (p *picky) allow(seq int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = slices.DeleteFunc(p.refused, func(bad int64) bool { return bad == seq })
}

func (p *picky) Publish(ctx context.Context, batch []event.Envelope) []error {
	refused := p.remaining()
	bad := map[string]bool{}
	for _, v := range batch {
		bad[v.Key] = bad[v.Key] || slices.Contains(refused, int64(v.ID[14])<<8|int64(v.ID[15]))
	}
	good := slices.DeleteFunc(slices.Clone(batch), func(v event.Envelope) bool { return bad[v.Key] })
	p.topic.Publish(ctx, good)
	errs := make([]error, len(batch))
	for i, v := range batch {
		if bad[v.Key] {
			errs[i] = event.ErrUnsendable
		}
	}
	return errs
}
