package conformance

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

func queueTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a read of queues leaves the others out":                   queuesAreRead,
		"events without a bucket are read with every queue":        bucketsAreAdded,
		"a read begins after a number":                             readsBeginAfter,
		"the backlog is counted up to a limit":                     backlogIsEstimated,
		"an event that is set aside holds its key only":            keyIsHeld,
		"a key that is retried is forgotten when it is empty":      keyIsReleased,
		"an event that is discarded is kept elsewhere":             eventIsDiscarded,
		"an event that fails again keeps the time of the first":    eventFailsAgain,
		"the first event of a key stays the one that is set aside": firstStaysAside,
	}
}

func (s *shop) queuePage(after int64, queues []store.Queue, limit int) []store.QueuedEvent {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]store.QueuedEvent, error) {
		p, err := tx.Queues.Read(ctx, store.OutboxRead{Lanes: everyLane(), After: after, Queues: queues, Limit: limit})
		if len(p.Events) > 0 && p.Oldest > p.Next {
			s.Errorf("transactions up to %d of %d have ended", p.Oldest, p.Next)
		}
		return p.Events, err
	})
}

func queued(events []store.QueuedEvent) (keys []string) {
	for _, e := range events {
		keys = append(keys, e.Envelope.Key)
	}
	return keys
}

func queueOf(key string) store.Queue {
	return store.Queue{Topic: event.CatalogTopic, Bucket: event.PartitionOf(key)}
}

// otherBucket returns a product whose events are in another partition than those of 1.
func otherBucket() int64 {
	for pid := int64(2); ; pid++ {
		if event.PartitionOf(strconv.FormatInt(pid, 10)) != event.PartitionOf("1") {
			return pid
		}
	}
}

func queuesAreRead(s *shop) {
	other := otherBucket()
	key := strconv.FormatInt(other, 10)
	s.appendLikes(1, other, 1, other)
	s.equal([]string{"1", key, "1", key}, queued(s.queuePage(0, nil, 10)))
	s.equal([]string{key, key}, queued(s.queuePage(0, []store.Queue{queueOf(key)}, 10)))
	s.equal([]string{"1", key, "1"}, queued(s.queuePage(0, []store.Queue{queueOf(key), queueOf("1")}, 3)))
	s.equal(0, len(s.queuePage(0, []store.Queue{}, 10)))
	s.equal(0, len(s.queuePage(0, []store.Queue{{Topic: event.OrderTopic, Bucket: event.PartitionOf("1")}}, 10)))
	for _, e := range s.queuePage(0, nil, 10) {
		if e.Bucket == nil || *e.Bucket != event.PartitionOf(e.Envelope.Key) || e.Behind {
			s.Errorf("%+v", e)
		}
	}
}

// bucketsAreAdded: SetBuckets is the only way to see rows as an older program writes them
// here, so the test that such rows are read is in package sqlstore.
func bucketsAreAdded(s *shop) {
	s.appendLikes(1, 2)
	s.queue(func(tx store.Tx) { tx.Queues.SetBuckets(nil) })
	events := s.queuePage(0, nil, 10)
	s.queue(func(tx store.Tx) { tx.Queues.SetBuckets(events) })
	s.equal(events, s.queuePage(0, nil, 10))
}

func readsBeginAfter(s *shop) {
	s.appendLikes(1, 2, 3)
	all := s.queuePage(0, nil, 10)
	s.equal(all[1:], s.queuePage(all[0].Seq, nil, 10))
	s.equal(all[1:2], s.queuePage(all[0].Seq, nil, 1))
	s.equal(0, len(s.queuePage(all[2].Seq, []store.Queue{queueOf("1"), queueOf("2"), queueOf("3")}, 10)))
}

func (s *shop) measured(after int64) store.Backlog {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (store.Backlog, error) { return tx.Queues.Measure(ctx, after) })
}

func backlogIsEstimated(s *shop) {
	s.equal(store.Backlog{}, s.measured(0))
	s.appendLikes(1, 2, 3)
	all := s.queuePage(0, nil, 10)
	s.equal(store.Backlog{Waiting: 3, Oldest: noon()}, s.measured(0))
	s.equal(store.Backlog{Waiting: 1, Oldest: noon()}, s.measured(all[1].Seq))
	s.appendLikes(slices.Repeat([]int64{1}, 3*store.BacklogExact)...)
	if n := s.measured(0).Waiting; n != 3*store.BacklogExact+3 {
		s.Errorf("%d wait, want %d", n, 3*store.BacklogExact+3)
	}
}

// aside sets the first of some events aside, and returns it.
func (s *shop) aside(e store.QueuedEvent, reason string) store.SetAside {
	s.Helper()
	a := store.SetAside{OutboxRecord: e.OutboxRecord, Lane: e.Lane, State: store.Waits, Reason: reason, Attempts: 5, Since: noon(), TriedAt: noon().Add(time.Second)}
	s.update(func(ctx context.Context, tx store.Tx) error { return tx.SetAside.Put(ctx, a) })
	return listed(a)
}

// listed is an event as it is listed.
func listed(a store.SetAside) store.SetAside {
	a.Bytes, a.Envelope.Data = int64(len(a.Envelope.Data)), nil
	return a
}

func (s *shop) allAside() []store.SetAside {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]store.SetAside, error) { return tx.SetAside.All(ctx) })
}

func (s *shop) behind(a store.SetAside) int64 {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (int64, error) { return tx.SetAside.Behind(ctx, a) })
}

func (s *shop) hold(events ...store.QueuedEvent) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error { return tx.SetAside.Hold(ctx, events) })
}

func keyIsHeld(s *shop) {
	s.appendLikes(1, 2, 1)
	all := s.queuePage(0, nil, 10)
	a := s.aside(all[0], "too large")
	s.equal([]store.SetAside{a}, s.allAside())
	s.equal(int64(0), s.behind(a))
	left := s.queuePage(0, nil, 10)
	s.equal([]string{"2", "1"}, queued(left))
	s.equal([]bool{false, true}, []bool{left[0].Behind, left[1].Behind})
	s.hold(left...)
	s.equal([]string{"2"}, queued(s.queuePage(0, nil, 10)))
	s.equal(int64(1), s.behind(a))
	s.equal(3, len(s.outbox(everyLane(), 10)))
	s.equal(store.Backlog{Waiting: 3, Oldest: noon()}, s.measured(0))
	s.queue(func(tx store.Tx) { tx.Outbox.DeletePublished([]int64{all[1].Seq}) })
	s.equal(store.Backlog{Waiting: 2}, s.measured(0))
}

// releaseEvent releases an event, and fails the test unless there is one.
func (s *shop) releaseEvent(seq int64, d *store.Discard, want bool) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error {
		found, err := tx.SetAside.Release(ctx, seq, d)
		if found != want {
			s.Errorf("released: %t, want %t", found, want)
		}
		return err
	})
}

func (s *shop) forgetKey(a store.SetAside) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error { return tx.SetAside.Forget(ctx, a) })
}

func (s *shop) held(a store.SetAside) []store.OutboxRecord {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]store.OutboxRecord, error) {
		return tx.SetAside.Held(ctx, a, 10)
	})
}

func keyIsReleased(s *shop) {
	s.appendLikes(1, 1)
	all := s.queuePage(0, nil, 10)
	a := s.aside(all[0], "too large")
	s.hold(all[1])
	s.releaseEvent(all[1].Seq, nil, false)
	s.releaseEvent(a.Seq, nil, true)
	s.releaseEvent(a.Seq, nil, false)
	s.equal(store.Retried, s.allAside()[0].State)
	s.equal([]store.OutboxRecord{all[0].OutboxRecord, all[1].OutboxRecord}, s.held(a))
	s.queue(func(tx store.Tx) { tx.Outbox.DeletePublished([]int64{all[0].Seq}) })
	s.forgetKey(a)
	s.equal(1, len(s.allAside())) // an event is still held
	s.queue(func(tx store.Tx) { tx.Outbox.DeletePublished([]int64{all[1].Seq}) })
	s.appendLikes(1)
	late := s.queuePage(0, nil, 10)
	s.equal(true, late[0].Behind)
	s.forgetKey(a)
	s.equal(0, len(s.allAside()))
	s.hold(late...) // it was read before the key was forgotten: it is not held
	s.equal(false, s.queuePage(0, nil, 10)[0].Behind)
}

func eventIsDiscarded(s *shop) {
	s.appendLikes(1, 1)
	all := s.queuePage(0, nil, 10)
	a := s.aside(all[0], "too large")
	s.hold(all[1])
	s.releaseEvent(a.Seq, &store.Discard{Actor: "kim", Reason: "no one needs it", At: noon()}, true)
	s.equal([]store.OutboxRecord{all[1].OutboxRecord}, s.held(a))
	got := s.allAside()[0]
	s.equal(store.Retried, got.State)
	s.equal("1", got.Envelope.Key)
	s.equal(true, got.Envelope.ID.IsZero())
}

func eventFailsAgain(s *shop) {
	s.appendLikes(1, 1)
	all := s.queuePage(0, nil, 10)
	a := s.aside(all[0], "too large")
	s.hold(all[1])
	s.releaseEvent(a.Seq, nil, true)
	s.queue(func(tx store.Tx) { tx.Outbox.DeletePublished([]int64{a.Seq}) })
	again := a
	again.OutboxRecord, again.Since, again.TriedAt, again.Reason = all[1].OutboxRecord, noon().Add(time.Hour), noon().Add(time.Hour), "invalid"
	s.update(func(ctx context.Context, tx store.Tx) error { return tx.SetAside.Put(ctx, again) })
	again.Since = a.Since
	s.equal([]store.SetAside{listed(again)}, s.allAside())
}

func firstStaysAside(s *shop) {
	s.appendLikes(1, 1)
	all := s.queuePage(0, nil, 10)
	a := s.aside(all[0], "too large")
	s.aside(all[1], "another relay is behind")
	s.equal([]store.SetAside{a}, s.allAside())
	s.equal(int64(1), s.behind(a))
}
