package conformance

import (
	"context"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

func everyLane() []int {
	lanes := make([]int, store.Lanes)
	for i := range lanes {
		lanes[i] = i
	}
	return lanes
}

func (s *shop) outbox(lanes []int, limit int) []store.OutboxRecord {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]store.OutboxRecord, error) {
		return tx.Outbox.Next(ctx, lanes, limit)
	})
}

// appendLikes appends a like of each product.
func (s *shop) appendLikes(products ...int64) {
	s.Helper()
	s.queue(func(tx store.Tx) {
		for _, pid := range products {
			tx.Outbox.Append(noon(), event.NewProductLiked(pid, s.ids()))
		}
	})
}

func keysOf(records []store.OutboxRecord) (keys []string) {
	for _, p := range records {
		keys = append(keys, p.Envelope.Key)
	}
	return keys
}

func outboxTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"an event reads as it was appended":                       eventReads,
		"events come oldest first, and stay until they are sent":  eventsInOrder,
		"a key has one lane, and keys share out over all of them": lanesShareOut,
		"the backlog is what waits, and since when":               backlogTells,
		"a commit with events signals, any other does not":        commitRings,
	}
}

func (s *shop) backlog(want int64, since time.Time) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error {
		waiting, oldest, err := tx.Outbox.Backlog(ctx)
		if waiting != want || !oldest.Equal(since) {
			s.Errorf("%d wait since %v, want %d since %v", waiting, oldest, want, since)
		}
		return err
	})
}

// noSignal fails the test if a commit has signalled new events.
func (s *shop) noSignal() {
	s.Helper()
	select {
	case <-s.db.Committed():
		s.Error("a commit without events has signalled")
	default:
	}
}

func eventReads(s *shop) {
	e := event.OrderPaid{Order: event.Order{
		OrderID: s.ids(), Version: 2, UserID: s.ids(), Amount: 10, Lines: []event.Line{{ProductID: 1, Quantity: 1, UnitPrice: 10}},
	}}
	s.queue(func(tx store.Tx) { tx.Outbox.Append(noon(), e) })
	got := s.outbox(everyLane(), 10)
	if len(got) != 1 {
		s.Fatalf("%d records, want 1", len(got))
	}
	v := got[0].Envelope
	if v.ID.IsZero() || v.Time != noon() {
		s.Errorf("id %s, time %v", v.ID, v.Time)
	}
	want, err := event.Wrap(v.ID, v.Time, v.Traceparent, e)
	if err != nil {
		s.Fatal(err)
	}
	s.equal(want, v)
}

func eventsInOrder(s *shop) {
	s.appendLikes(5, 3, 4)
	s.appendLikes(3, 1)
	got := s.outbox(everyLane(), 4)
	s.equal([]string{"5", "3", "4", "3"}, keysOf(got))
	s.queue(func(tx store.Tx) { tx.Outbox.DeletePublished([]int64{got[0].Seq, got[2].Seq, got[3].Seq}) })
	s.queue(func(tx store.Tx) { tx.Outbox.DeletePublished(nil) })
	s.equal([]string{"3", "1"}, keysOf(s.outbox(everyLane(), 10)))
}

func lanesShareOut(s *shop) {
	var all []int64
	for pid := range int64(200) {
		all = append(all, pid+1, pid+1)
	}
	s.appendLikes(all...)
	seen := map[string]int{}
	for _, lane := range everyLane() {
		found := s.outbox([]int{lane}, 1_000)
		if len(found) == 0 {
			s.Errorf("lane %d is empty", lane)
		}
		for i, p := range found {
			seen[p.Envelope.Key]++
			if i > 0 && found[i-1].Seq >= p.Seq {
				s.Error("a lane is out of order")
			}
		}
	}
	for _, pid := range all {
		if seen[strconv.FormatInt(pid, 10)] != 2 {
			s.Errorf("product %d: %d events in the lanes together", pid, seen[strconv.FormatInt(pid, 10)])
		}
	}
	s.equal(0, len(s.outbox(nil, 10)))
}

func backlogTells(s *shop) {
	s.backlog(0, time.Time{})
	s.appendLikes(1, 2)
	s.appendLikes(3)
	got := s.outbox(everyLane(), 10)
	s.backlog(3, got[0].Envelope.Time)
	s.queue(func(tx store.Tx) { tx.Outbox.DeletePublished([]int64{got[0].Seq}) })
	s.backlog(2, got[1].Envelope.Time)
}

func commitRings(s *shop) {
	s.user()
	s.noSignal()
	s.appendLikes(1)
	s.appendLikes(2)
	<-s.db.Committed() // two signals become one
	s.noSignal()
}
