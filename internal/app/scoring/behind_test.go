package scoring_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// A day is explained by its events and those of the seven days before, which are carried
// over; a week by those of its days alone.
func TestTheEventsBehindAScoreAreThoseOfTheDaysThatItCounts(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		names := map[id.ID]string{}
		add := func(name, kind, key string, at time.Time, lines ...store.EventLine) {
			e := store.LoggedEvent{Received: event.Received{Envelope: event.Envelope{ID: s.IDs(), Type: kind, Key: key, Time: at, Data: []byte("{}")}}}
			names[e.ID] = name
			for i := range lines {
				lines[i].EventID = e.ID
			}
			err := s.DB.Update(s.T.Context(), func(tx store.Tx) error {
				_, err := tx.Events.Add(s.T.Context(), []store.LoggedEvent{e}, lines)
				return err
			})
			if err != nil {
				s.T.Fatal(err)
			}
		}
		monday := clock.Day(20251103)
		add("view", "product.viewed", "1", monday.Start())
		add("another product's", "product.viewed", "2", monday.Start())
		add("like", "product.liked", "1", monday.Add(1).Start().Add(-time.Microsecond))
		add("carried", "product.unliked", "1", monday.Add(-7).Start())
		add("too old", "product.liked", "1", monday.Add(-7).Start().Add(-time.Microsecond))
		add("too young", "product.liked", "1", monday.Add(1).Start())
		add("not counted", "product.changed", "1", monday.Start())
		add("order", "order.paid", "o", monday.Start().Add(time.Hour), store.EventLine{ProductID: 1, CountedAt: monday.Start().Add(-time.Hour)})
		add("cancel", "order.cancelled", "o", monday.Add(30).Start(), store.EventLine{ProductID: 1, CountedAt: monday.Start().Add(time.Hour)})
		behind := func(kind ranking.Kind, day clock.Day, limit int) (found []string) {
			events, err := scoring.New(s.DB, nil, at(noon), slog.New(slog.DiscardHandler)).EventsBehind(s.T.Context(), kind, day, 1, limit)
			if err != nil {
				s.T.Fatal(err)
			}
			for _, e := range events {
				found = append(found, names[e.ID])
			}
			return found
		}
		for _, diff := range []string{
			cmp.Diff([]string{"like", "cancel", "view", "order", "carried"}, behind(ranking.Daily, monday, 9)),
			cmp.Diff([]string{"like", "cancel"}, behind(ranking.Daily, monday, 2)),
			cmp.Diff([]string{"too young", "like", "cancel", "view"}, behind(ranking.Weekly, monday.Add(3), 9)),
		} {
			if diff != "" {
				s.T.Errorf("(-want +got):\n%s", diff)
			}
		}
		if slices.Contains(behind(ranking.Monthly, monday, 99), "not counted") {
			s.T.Error("an event that does not count is behind a score")
		}
	})
}
