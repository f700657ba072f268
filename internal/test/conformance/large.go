package conformance

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Lists of large things have short pages: a page is bounded by its bytes, too.
func largeTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a page has few orders if they have many lines":       largeOrders,
		"a page of the log has few events if they are large":  largeEvents,
		"an explanation has few events if they are large":     largeCountedEvents,
		"a portion of dead letters has few if they are large": largeLetters,
	}
}

func largeOrders(s *shop) {
	u := s.user()
	basket := make([]product.Product, order.MaxLines)
	for i := range basket {
		basket[i] = product.Product{ID: int64(i) + 1, Name: strings.Repeat("가", 200), Price: 1}
	}
	var want, got []order.Order
	for _, lines := range []int{1, order.MaxLines, order.MaxLines, 2, order.MaxLines - 1, 1} {
		o := s.order(u.ID, basket[:lines]...)
		s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Add(o); return nil })
		want = append([]order.Order{order.Restore(o, o.History())}, want...)
	}
	var before id.ID
	var sizes []int
	for more := true; more; before = got[len(got)-1].ID {
		var page []order.Order
		page, more = s.ordersOf(u.ID, before, 100)
		got, sizes = append(got, page...), append(sizes, len(page))
	}
	s.equal(want, got)
	s.equal([]int{3, 1, 2}, sizes)
}

// large returns an event of the log with half a megabyte of data.
func (s *shop) large(key int64, at time.Time) store.LoggedEvent {
	s.Helper()
	e := logged(key, at)
	text, err := json.Marshal(strings.Repeat("x", 500_000))
	if err != nil {
		s.Fatal(err)
	}
	e.Data = text
	return e
}

func largeEvents(s *shop) {
	s.prepareDays(logDay)
	var want, got []id.ID
	for i := range 7 {
		e := s.large(1, noon().Add(time.Duration(i)*time.Second))
		s.logEvents(e)
		want = append([]id.ID{e.ID}, want...)
	}
	var after *store.EventPosition
	var sizes []int
	for more := true; more; {
		var page []store.LoggedEvent
		page, more = s.eventsAfter(store.EventFilter{}, after, 100)
		got, sizes = append(got, idsOfEvents(page)...), append(sizes, len(page))
		last := page[len(page)-1]
		after = &store.EventPosition{Time: last.Time, ID: last.ID}
	}
	s.equal(want, got)
	s.equal([]int{3, 3, 1}, sizes)
}

func largeCountedEvents(s *shop) {
	s.prepareDays(logDay)
	for i := range 6 {
		e := s.large(int64(i%2)+1, noon().Add(time.Duration(i)*time.Second))
		line := store.EventLine{EventID: e.ID, ProductID: 1, CountedAt: e.Time}
		s.update(func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Events.Add(ctx, []store.LoggedEvent{e}, []store.EventLine{line})
			return err
		})
	}
	found := read(s, func(ctx context.Context, tx store.Tx) ([]store.CountedEvent, error) {
		return tx.Events.OfProduct(ctx, 1, store.EventFilter{}, 100)
	})
	s.equal(6, len(found)) // three with its key, and three with a line
}

func largeLetters(s *shop) {
	var want, got []id.ID
	for i := range int64(5) {
		l := s.letter(i + 1)
		l.Size = 2 << 20
		s.index(l)
		want = append(want, l.ID)
	}
	after := deadletter.Position{}
	for {
		found := read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Letter, error) {
			return tx.Letters.Next(ctx, deadletter.Filter{}, after, 100)
		})
		if len(found) == 0 {
			break
		}
		if len(found) > 3 {
			s.Errorf("a portion of %d letters of 2 MiB", len(found))
		}
		for _, l := range found {
			got = append(got, l.ID)
		}
		after = deadletter.PositionOf(found[len(found)-1])
	}
	s.equal(want, got)
}
