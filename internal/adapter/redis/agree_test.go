package redis_test

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// The board on real parts: two tallies count at once, some events twice, while
// the boards are made again and again; in the end board and database agree to
// the last digit, and say the same on every page.
func TestBoardAndDatabaseAgreeOnEveryPart(t *testing.T) {
	t.Parallel()
	t.Run("SQLite and the embedded server", func(t *testing.T) {
		t.Parallel()
		agree(t, storetest.SQLite(t, sqlstore.Options{}), redistest.Embedded(t, time.Now))
	})
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		t.Parallel()
		agree(t, storetest.Postgres(t, sqlstore.Options{}), redistest.Real(t, time.Now))
	})
}

func agree(t *testing.T, db store.DB, b redistest.Board) {
	t.Helper()
	ids := id.NewSource(time.Now, rand.Reader)
	events := history(ids, 1200)
	builder := leaderboard.NewBuilder(db, b, time.Now, ids().String(), discard())
	var tallies sync.WaitGroup
	for n := range 2 {
		tl := tally.New(db, b, time.Now, discard())
		tallies.Go(func() {
			for batch := range slices.Chunk(events[n*200:1000+n*200], 25) {
				if err := tl.Handle(t.Context(), batch); err != nil {
					t.Errorf("handle: %v", err)
				}
			}
		})
	}
	days := today().Add(-ranking.Window).Until(today())
	for range 3 {
		if err := builder.Rebuild(t.Context(), days, nil); err != nil {
			t.Errorf("rebuild: %v", err)
		}
	}
	tallies.Wait()
	report, err := leaderboard.NewVerifier(db, b, time.Now, discard()).Verify(t.Context(), days, nil)
	if err != nil || len(report.Differences) > 0 || report.Compared < 300 {
		t.Errorf("compared %d, %v: %+v", report.Compared, err, report.Differences)
	}
	for _, day := range days {
		var fromDatabase []ranking.Entry
		err := db.View(t.Context(), func(tx store.Tx) (err error) {
			fromDatabase, err = tx.Ranking.Top(t.Context(), ranking.NewSchedule(), day, 3, 50)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fromDatabase, top(t, b, day, 3, 50), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", day, diff)
		}
	}
}

// history is events of thirty products over ten days; some pay back more than
// they had.
func history(ids id.Source, n int) []event.Opened {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	events := make([]event.Opened, n)
	for i := range events {
		pid, paidAt := 1+random.Int64N(30), time.Now().AddDate(0, 0, -random.IntN(10))
		order := event.Order{OrderID: ids(), Version: 2, Lines: []event.Line{
			{ProductID: pid, Quantity: 1 + random.Int64N(9), UnitPrice: random.Int64N(90_000)},
			{ProductID: 1 + pid%30, Quantity: 1, UnitPrice: 500},
		}}
		all := []event.Event{
			event.NewProductViewed(pid, nil), event.NewProductLiked(pid, ids()), event.NewProductUnliked(pid, ids()),
			event.OrderPaid{Order: order, PaidAt: paidAt}, event.OrderCancelled{Order: order, PaidAt: &paidAt},
		}
		events[i].ID, events[i].Time, events[i].Event = ids(), time.Now().AddDate(0, 0, -random.IntN(10)), all[random.IntN(len(all))]
	}
	return events
}
