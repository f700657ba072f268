package conformance

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

func eventLogTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"an event of the log reads as it was added":               eventLogReads,
		"an event is logged once, whichever batch it comes in":    eventLoggedOnce,
		"events of the log are found by each of their properties": eventsFound,
		"pages of the log neither skip nor repeat an event":       eventPages,
		"an order has the events that it has caused":              eventsOfOrder,
		"the log forgets whole days, and no other event":          daysForgotten,
		"an event of no day is forgotten by when it was logged":   undatedForgotten,
		"an event that came before its day had room is kept once": earlyEventKept,
		"a product has the events that count for it":              eventsOfProduct,
		"two programs may prepare the same days":                  daysPreparedTwice,
	}
}

const logDay clock.Day = 20251103

// idAt returns an id that was made at a time.
func idAt(at time.Time) id.ID { return id.NewSource(func() time.Time { return at }, rand.Reader)() }

// logged returns a like of a product as an event of the log, with an id of its time.
func logged(productID int64, at time.Time) store.LoggedEvent {
	user := id.ID{15: 7}
	v, err := event.Wrap(idAt(at), at, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", event.NewProductLiked(productID, user))
	if err != nil {
		panic(err)
	}
	return store.LoggedEvent{Received: event.Received{Envelope: v, Partition: 3, Offset: 17}, UserID: &user, LoggedAt: at.Add(time.Second)}
}

func (s *shop) prepareDays(days ...clock.Day) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error { _, err := tx.Events.Prepare(ctx, days); return err })
}

func (s *shop) logEvents(events ...store.LoggedEvent) int64 {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (int64, error) { return tx.Events.Add(ctx, events, nil) })
}

func (s *shop) findEvents(f store.EventFilter) (found []id.ID) {
	s.Helper()
	events, _ := s.eventsAfter(f, nil, 1000)
	return idsOfEvents(events)
}

// eventsAfter returns a page of events, and whether there are more.
func (s *shop) eventsAfter(f store.EventFilter, after *store.EventPosition, limit int) (found []store.LoggedEvent, more bool) {
	s.Helper()
	found = read(s, func(ctx context.Context, tx store.Tx) (found []store.LoggedEvent, err error) {
		found, more, err = tx.Events.Find(ctx, f, after, limit)
		return found, err
	})
	return found, more
}

func idsOfEvents(events []store.LoggedEvent) []id.ID {
	found := make([]id.ID, len(events))
	for i, e := range events {
		found[i] = e.ID
	}
	return found
}

// forget forgets what is older than a day, at most limit events at a time, and returns
// what is left, newest first.
func (s *shop) forget(before clock.Day, limit int) []id.ID {
	s.Helper()
	for more := true; more; {
		more = write(s, func(ctx context.Context, tx store.Tx) (bool, error) {
			_, more, err := tx.Events.Purge(ctx, before, limit)
			return more, err
		})
	}
	return s.findEvents(store.EventFilter{})
}

func eventLogReads(s *shop) {
	s.prepareDays(logDay)
	order := s.ids()
	want, plain := logged(1, noon()), logged(2, noon())
	want.OrderID, want.Sequence = &order, 4
	plain.UserID, plain.Traceparent = nil, ""
	s.equal(int64(2), s.logEvents(want, plain))
	for _, e := range []store.LoggedEvent{want, plain} {
		s.equal(e, read(s, func(ctx context.Context, tx store.Tx) (store.LoggedEvent, error) { return tx.Events.Get(ctx, e.ID) }))
	}
	s.equal(int64(0), s.logEvents())
	s.refuses(store.ErrEventNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Events.Get(ctx, s.ids())
		return err
	})
}

func eventLoggedOnce(s *shop) {
	a, b, c := logged(1, noon()), logged(2, noon()), logged(3, noon().Add(time.Hour))
	s.equal(int64(2), s.logEvents(b, a)) // no day is prepared
	s.prepareDays(logDay)
	again := a
	again.Offset = 99
	s.equal(int64(1), s.logEvents(again, c, b, again))
	s.equal([]id.ID{c.ID}, s.findEvents(store.EventFilter{Key: "3"}))
	s.equal(3, len(s.findEvents(store.EventFilter{})))
	s.equal(int64(17), read(s, func(ctx context.Context, tx store.Tx) (int64, error) {
		e, err := tx.Events.Get(ctx, a.ID)
		return e.Offset, err
	}))
}

func eventsFound(s *shop) {
	s.prepareDays(logDay.Add(-1), logDay)
	a, b, c := logged(1, noon().Add(-24*time.Hour)), logged(2, noon()), logged(1, noon().Add(time.Microsecond))
	other := id.ID{15: 8}
	b.Type, b.UserID = "product.exploded", &other
	s.logEvents(c, a, b)
	find := func(f store.EventFilter, want ...store.LoggedEvent) {
		s.Helper()
		s.equal(idsOfEvents(want), s.findEvents(f))
	}
	find(store.EventFilter{}, c, b, a)
	find(store.EventFilter{Key: "1"}, c, a)
	find(store.EventFilter{Key: "3"})
	find(store.EventFilter{UserID: other}, b)
	find(store.EventFilter{Types: []string{"product.liked"}}, c, a)
	find(store.EventFilter{Types: []string{"product.liked", "product.exploded"}}, c, b, a)
	find(store.EventFilter{From: noon()}, c, b)
	find(store.EventFilter{From: a.Time, To: c.Time}, b, a)
	find(store.EventFilter{Types: []string{"product.liked"}, Key: "1", UserID: *a.UserID, From: a.Time, To: b.Time}, a)
}

func eventPages(s *shop) {
	s.prepareDays(logDay.Add(-1), logDay)
	var all []store.LoggedEvent
	for i := range 25 { // some at the same time, some of another day, some of no day
		e := logged(1, noon().Add(-time.Duration(i%4)*12*time.Hour))
		if i%5 == 0 {
			e.ID[6] = 0x40 | e.ID[6]&0x0F
		}
		all = append(all, e)
	}
	s.logEvents(all...)
	var got []id.ID
	var after *store.EventPosition
	for i := range 13 {
		page, more := s.eventsAfter(store.EventFilter{Key: "1"}, after, 2)
		s.equal(i < 12, more)
		got = append(got, idsOfEvents(page)...)
		last := page[len(page)-1]
		after = &store.EventPosition{Time: last.Time, ID: last.ID}
	}
	s.equal(s.findEvents(store.EventFilter{Key: "1"}), got)
	s.equal(25, len(got))
}

func eventsOfOrder(s *shop) {
	s.prepareDays(logDay)
	order := s.ids()
	of := func(e event.Event, at time.Time, cause *id.ID) store.LoggedEvent {
		v, err := event.Wrap(idAt(at), at, "", e)
		if err != nil {
			s.Fatal(err)
		}
		return store.LoggedEvent{Received: event.Received{Envelope: v}, OrderID: cause, LoggedAt: at}
	}
	placed := of(event.OrderPlaced{Order: event.Order{OrderID: order, Version: 1}}, noon(), nil)
	other := of(event.OrderPlaced{Order: event.Order{OrderID: s.ids(), Version: 1}}, noon(), nil)
	depleted := of(event.NewStockDepleted(1), noon().Add(time.Second), &order)
	paid := of(event.OrderPaid{Order: event.Order{OrderID: order, Version: 2}}, noon().Add(time.Minute), nil)
	s.logEvents(paid, other, depleted, placed)
	s.equal([]id.ID{placed.ID, depleted.ID, paid.ID}, read(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
		found, err := tx.Events.OfOrder(ctx, order, 10)
		return idsOfEvents(found), err
	}))
}

// An order counts when it was paid, also if its event is of another day.
func eventsOfProduct(s *shop) {
	s.prepareDays(logDay, logDay.Add(1))
	liked, viewed := logged(1, noon()), logged(1, noon().Add(2*time.Hour))
	viewed.Type = "product.viewed"
	other, paid, cancelled := logged(2, noon()), logged(3, noon().Add(time.Hour)), logged(4, noon().Add(24*time.Hour))
	line := func(e store.LoggedEvent, product int64, at time.Time) store.EventLine {
		return store.EventLine{EventID: e.ID, ProductID: product, CountedAt: at}
	}
	lines := []store.EventLine{line(paid, 1, noon().Add(time.Hour)), line(paid, 2, noon()), line(cancelled, 1, noon().Add(time.Hour))}
	for range 2 {
		write(s, func(ctx context.Context, tx store.Tx) (int64, error) {
			return tx.Events.Add(ctx, []store.LoggedEvent{liked, viewed, other, paid, cancelled}, lines)
		})
	}
	find := func(f store.EventFilter, limit int, want ...store.LoggedEvent) {
		s.Helper()
		s.equal(idsOfEvents(want), read(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
			found, err := tx.Events.OfProduct(ctx, 1, f, limit)
			var ids []id.ID
			for _, e := range found {
				ids = append(ids, e.ID)
			}
			return ids, err
		}))
	}
	find(store.EventFilter{}, 9, viewed, cancelled, paid, liked)
	find(store.EventFilter{}, 2, viewed, cancelled)
	find(store.EventFilter{Types: []string{"product.liked"}, From: logDay.Start(), To: logDay.Add(1).Start()}, 9, cancelled, paid, liked)
	find(store.EventFilter{From: noon().Add(time.Minute), To: noon().Add(2 * time.Hour)}, 9, cancelled, paid)
	s.equal([]id.ID{cancelled.ID}, s.forget(logDay.Add(1), 9))
	find(store.EventFilter{}, 9, cancelled)
	s.equal(0, len(s.forget(logDay.Add(2), 9)))
	s.logEvents(cancelled)
	s.equal(0, len(read(s, func(ctx context.Context, tx store.Tx) ([]store.CountedEvent, error) { // its lines were forgotten
		return tx.Events.OfProduct(ctx, 1, store.EventFilter{From: noon()}, 9)
	})))
}

// A day ends at midnight in Seoul. Late events go with the day of their id.
func daysForgotten(s *shop) {
	midnight := logDay.Start()
	s.prepareDays(logDay.Add(-2), logDay.Add(-1), logDay)
	older, last, first := logged(1, midnight.Add(-30*time.Hour)), logged(1, midnight.Add(-time.Millisecond)), logged(1, midnight)
	late, moved := logged(1, midnight.Add(-time.Hour)), logged(1, midnight.Add(-10*24*time.Hour)) // the one has a day that is dropped, the other one none
	late.LoggedAt, moved.LoggedAt = noon().Add(24*time.Hour), noon().Add(24*time.Hour)
	early := logged(1, midnight.Add(40*24*time.Hour)) // by a clock that is wrong
	wrong := logged(1, midnight.Add(60*365*24*time.Hour))
	wrong.Time, wrong.LoggedAt = midnight.Add(-time.Minute), midnight.Add(-36*time.Hour) // kept until it is old by when it was logged
	s.logEvents(older, last, first, late, moved, early, wrong)
	all := []id.ID{early.ID, first.ID, last.ID, late.ID, older.ID, moved.ID}
	some := slices.Insert(slices.Clone(all), 3, wrong.ID)
	s.equal(some, s.findEvents(store.EventFilter{}))
	for _, days := range []int{30, 21_000, 65_535} { // before 1970, too
		s.equal(some, s.forget(logDay.Add(-days), 2))
	}
	s.equal(all[:4], s.forget(logDay.Add(-1), 2))
	s.equal(all[:2], s.forget(logDay, 2))
	s.equal(all[:2], s.forget(logDay, 2))
	s.equal(int64(1), s.logEvents(late)) // its day is gone: it is kept until the next run
	s.equal(all[:2], s.forget(logDay, 2))
}

func undatedForgotten(s *shop) {
	s.prepareDays(logDay)
	var kept, gone []store.LoggedEvent
	for i := range 5 {
		e := logged(1, noon().Add(time.Duration(i)*time.Second))
		e.ID = id.ID{6: 0x40, 15: byte(i)} // as old as can be, if it were a time
		e.LoggedAt = logDay.Start().Add(-time.Microsecond)
		gone = append(gone, e)
		e.ID[14], e.LoggedAt = 1, logDay.Start()
		kept = append([]store.LoggedEvent{e}, kept...)
	}
	s.logEvents(append(gone, kept...)...)
	s.equal(idsOfEvents(kept), s.forget(logDay, 2))
}

func earlyEventKept(s *shop) {
	early, other := logged(1, noon()), logged(1, noon().Add(-24*time.Hour))
	s.logEvents(early, other)
	s.prepareDays(logDay)
	s.equal(int64(0), s.logEvents(early))
	s.equal([]id.ID{early.ID, other.ID}, s.findEvents(store.EventFilter{}))
	s.equal([]id.ID{early.ID}, s.forget(logDay, 10))
	s.equal(0, len(s.forget(logDay.Add(1), 10)))
}

func daysPreparedTwice(s *shop) {
	errs := make(chan error)
	for i := range 4 {
		go func() {
			errs <- s.whenFree(func(tx store.Tx) error {
				_, err := tx.Events.Prepare(s.Context(), []clock.Day{logDay, logDay.Add(1), logDay.Add(2 + i%2)})
				return err
			})
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			s.Error(err)
		}
	}
	e := logged(1, noon())
	s.equal(int64(1), s.logEvents(e))
	s.equal([]id.ID{e.ID}, s.forget(logDay, 10))
	s.equal(0, len(s.forget(logDay.Add(1), 10)))
}
