package tally_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

func TestTwoTalliesOfTheSameProductsAgreeWithTheDatabase(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]store.DB{
		"in memory": new(tallytest.DB), "in SQLite": storetest.SQLite(t, sqlstore.Options{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			race(t, db, redistest.Embedded(t, at(noon)), at(noon))
		})
	}
}

// race lets two tallies count events of the same few products at once, some of
// them twice, and compares the board with the database.
func race(t *testing.T, db store.DB, board redistest.Board, now clock.Clock) {
	t.Helper()
	var events []event.Opened
	for i := range int64(400) {
		when := now().AddDate(0, 0, -int(i%3))
		events = append(events, happened(when, viewed(1+i%4)), happened(when, liked(1+i%3)))
	}
	var tallies sync.WaitGroup
	for n := range 2 {
		tl := tally.New(db, board, now, discard())
		tallies.Go(func() {
			for i := n * 100; i+20 <= len(events)-(1-n)*100; i += 20 { // they overlap
				if err := tl.Handle(t.Context(), events[i:i+20]); err != nil {
					t.Errorf("handle: %v", err)
				}
			}
		})
	}
	tallies.Wait()
	var views int64
	for _, c := range counted(t, db) {
		views += c.Views
	}
	if views != 400 {
		t.Errorf("%d views were counted, want 400", views)
	}
	agree(t, db, board, clock.DayOf(now()))
}

// failer is what a test says its failures to.
type failer interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// agree compares every board up to today with the database.
func agree(t failer, db store.DB, board redistest.Board, today clock.Day) {
	t.Helper()
	for _, day := range today.Add(-ranking.Window).Until(today) {
		own, live, err := board.Dump(t.Context(), day)
		if err != nil {
			t.Fatal(err)
		}
		wantOwn, wantLive := scores(t, db, day)
		if diff := cmp.Diff([]map[int64]int64{wantOwn, wantLive}, []map[int64]int64{own, live}); diff != "" {
			t.Errorf("%s: %s", day, diff)
		}
	}
}

// scores computes a day's board from the database.
func scores(t failer, db store.DB, day clock.Day) (own, live map[int64]int64) {
	t.Helper()
	byProduct, own, live := map[int64][]metric.Counters{}, map[int64]int64{}, map[int64]int64{}
	var schedule ranking.Schedule
	err := db.View(t.Context(), func(tx store.Tx) (err error) {
		if schedule, err = ranking.ReadSchedule(t.Context(), tx.Weights); err != nil {
			return err
		}
		return tx.Metrics.All(t.Context(), day.Add(-ranking.Window), day, func(c metric.Counters) error {
			byProduct[c.ProductID] = append(byProduct[c.ProductID], c)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for pid, rows := range byProduct {
		s := schedule.Score(day, rows)
		if s.Own != 0 {
			own[pid] = s.Own
		}
		if s.Ranked() {
			live[pid] = s.Live
		}
	}
	return own, live
}
