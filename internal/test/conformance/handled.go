package conformance

import (
	"context"
	"crypto/rand"
	"time"

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
		"an event is fresh once for each consumer":     freshOnce,
		"events are new all together or not at all":    newTogether,
		"events of old are forgotten, a few at a time": forgotten,
	}
}

// A mark is purged if both the event and the mark are old.
func forgotten(s *shop) {
	day := 24 * time.Hour
	at := func(when time.Time) id.ID { return id.NewSource(func() time.Time { return when }, rand.Reader)() }
	old, older, late, young := at(noon().Add(-40*day)), at(noon().Add(-50*day)), at(noon().Add(-40*day)), at(noon())
	mark := func(when time.Time, events ...id.ID) {
		write(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
			return tx.Handled.Mark(ctx, "ranking", events, when)
		})
	}
	mark(noon().Add(-40*day), old, older)
	mark(noon(), late, young) // the one was long under way
	purge := func(limit int) int64 {
		return write(s, func(ctx context.Context, tx store.Tx) (int64, error) {
			return tx.Handled.Purge(ctx, noon().Add(-30*day), limit)
		})
	}
	s.equal([]int64{1, 1, 0}, []int64{purge(1), purge(9), purge(9)})
	s.equal([]id.ID{old, older}, s.mark("ranking", old, older, late, young))
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
