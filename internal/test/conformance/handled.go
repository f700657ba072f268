package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

func (s *shop) mark(consumer string, events ...id.ID) []id.ID {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
		return tx.Handled.Mark(ctx, consumer, events, noon())
	})
}

func handledTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"an event is fresh once for each consumer":               freshOnce,
		"events are new all together or not at all":              newTogether,
		"events of old are forgotten, a few at a time":           forgotten,
		"marks of a day are forgotten when all of them are old":  markedDaysForgotten,
		"a mark of no day is forgotten when it is old":           undatedMarksForgotten,
		"a mark that came before its day had room is kept":       earlyMarkKept,
		"two programs may prepare the same days for their marks": markDaysPreparedTwice,
	}
}

func (s *shop) markAt(when time.Time, events ...id.ID) {
	s.Helper()
	s.equal(events, write(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
		return tx.Handled.Mark(ctx, "ranking", events, when)
	}))
}

// purged is what a run of Purge says. A day that is dropped is counted by an estimate.
type purged struct {
	Deleted int64
	More    bool
}

func (s *shop) purgeMarks(before time.Time, limit int) purged {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (purged, error) {
		n, more, err := tx.Handled.Purge(ctx, before, limit)
		return purged{n, more}, err
	})
}

// purgeAll purges until nothing is left that may go.
func (s *shop) purgeAllMarks(before time.Time) {
	s.Helper()
	for s.purgeMarks(before, 2).More { //nolint:revive // it does its work in the condition
	}
}

func (s *shop) prepareMarks(days ...clock.Day) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error { _, err := tx.Handled.Prepare(ctx, days); return err })
}

// marked returns which of the events have a mark.
func (s *shop) marked(events ...id.ID) []id.ID {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
		return tx.Handled.Marked(ctx, "ranking", events)
	})
}

// A mark is purged if both the event and the mark are old.
func forgotten(s *shop) {
	day := 24 * time.Hour
	old, older, late, young := idAt(noon().Add(-40*day)), idAt(noon().Add(-50*day)), idAt(noon().Add(-40*day)), idAt(noon())
	s.markAt(noon().Add(-40*day), old, older)
	s.markAt(noon(), late, young) // the one was long under way
	before := noon().Add(-30 * day)
	s.equal([]purged{{1, true}, {1, false}, {0, false}}, []purged{s.purgeMarks(before, 1), s.purgeMarks(before, 9), s.purgeMarks(before, 9)})
	s.equal([]id.ID{old, older}, s.mark("ranking", old, older, late, young))
}

// A day with a mark that is younger than the day keeps all of its marks until then. No
// day waits for another one.
func markedDaysForgotten(s *shop) {
	const first = logDay
	s.prepareMarks(first, first.Add(1), first.Add(2))
	at := func(day clock.Day, hour int) time.Time { return day.Start().Add(time.Duration(hour) * time.Hour) }
	early, last, second, third := idAt(at(first, 0)), idAt(at(first, 24).Add(-time.Millisecond)), idAt(at(first.Add(1), 0)), idAt(at(first.Add(2), 0))
	all := []id.ID{early, last, second, third}
	s.markAt(at(first, 1), early)
	s.markAt(at(first.Add(4), 0), last) // it was handled four days later
	s.markAt(at(first.Add(1), 1), second)
	s.markAt(at(first.Add(2), 1), third)

	s.purgeAllMarks(at(first.Add(1), 0))
	s.equal([]id.ID{last, second, third}, s.marked(last, second, third)) // early may be kept, too
	s.purgeAllMarks(at(first.Add(2), 0))
	s.equal([]id.ID{last, third}, s.marked(last, second, third))
	s.purgeAllMarks(at(first.Add(4), 0))
	s.equal([]id.ID{last}, s.marked(last, second, third))
	s.refuses(store.ErrHandled, func(_ context.Context, tx store.Tx) error {
		tx.Handled.MarkNew("ranking", []id.ID{last}, noon())
		return nil
	})
	s.purgeAllMarks(at(first.Add(4), 1))
	s.equal(0, len(s.marked(all...)))
	s.equal(all, s.mark("ranking", all...)) // their days are gone: they are marks all the same
	s.equal(all, s.marked(all...))
}

func undatedMarksForgotten(s *shop) {
	s.prepareMarks(logDay)
	undated := func(n byte) id.ID { return id.ID{0: n, 6: 0x40, 15: n} }
	old := []id.ID{undated(0), undated(1), undated(255)}
	s.markAt(logDay.Start().Add(-time.Microsecond), old...)
	s.markAt(logDay.Start(), undated(2), undated(254))
	s.purgeAllMarks(logDay.Start())
	s.equal([]id.ID{undated(2), undated(254)}, s.marked(append(old, undated(2), undated(254))...))
}

func earlyMarkKept(s *shop) {
	early := idAt(noon())
	for _, consumer := range []string{"ranking", "audit"} {
		s.equal([]id.ID{early}, s.mark(consumer, early))
	}
	s.prepareMarks(logDay)
	for _, consumer := range []string{"ranking", "audit"} {
		s.equal(0, len(s.mark(consumer, early)))
		s.refuses(store.ErrHandled, func(_ context.Context, tx store.Tx) error {
			tx.Handled.MarkNew(consumer, []id.ID{s.ids(), early}, noon())
			return nil
		})
	}
	s.purgeAllMarks(logDay.Add(1).Start())
	s.equal([]id.ID{early}, s.mark("audit", early))
}

func markDaysPreparedTwice(s *shop) {
	errs := make(chan error)
	for i := range 4 {
		go func() {
			errs <- s.db.Update(s.Context(), func(tx store.Tx) error {
				_, err := tx.Handled.Prepare(s.Context(), []clock.Day{logDay, logDay.Add(1 + i%2)})
				return err
			})
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			s.Error(err)
		}
	}
	e := idAt(noon())
	s.markAt(noon(), e)
	s.equal([]id.ID{e}, s.marked(e))
}

func freshOnce(s *shop) {
	a, b, c := s.ids(), s.ids(), s.ids()
	s.equal([]id.ID{b, a}, s.mark("ranking", b, a, b))
	s.equal([]id.ID{c}, s.mark("ranking", a, c, b))
	s.equal([]id.ID{a}, s.mark("audit", a))
	s.equal(0, len(s.mark("ranking")))
}

// If one of the events is marked already, the whole transaction is rolled back.
func newTogether(s *shop) {
	a, b, c := s.ids(), s.ids(), s.ids()
	mark := func(consumer string, events ...id.ID) func(context.Context, store.Tx) error {
		return func(_ context.Context, tx store.Tx) error {
			tx.Handled.MarkNew(consumer, events, noon())
			tx.Metrics.Add([]metric.Counters{{ProductID: 1, Day: 20251103, Views: 1}})
			return nil
		}
	}
	s.update(mark("ranking", b, a))
	s.refuses(store.ErrHandled, mark("ranking", c, a))
	s.update(mark("audit", a))
	s.update(mark("ranking"))
	s.equal([]id.ID{c}, s.mark("ranking", a, b, c))
	got := read(s, func(ctx context.Context, tx store.Tx) ([]metric.Counters, error) {
		return tx.Metrics.Of(ctx, []int64{1}, 20251103, 20251103)
	})
	s.equal([]metric.Counters{{ProductID: 1, Day: 20251103, Views: 3, Version: 3}}, got)
}
