package sqlstore_test

import (
	"maps"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

// A shop of version 4 has counters, but does not know when they changed. Version 5 counts
// each as a change of its day, so that the periods of all days are due.
func TestCountersFromBeforeRankingsWerePublishedAreChanges(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion(t, 4)
		db.exec(t, `INSERT INTO product_metrics SELECT n, 20251030, 1, 0, 0, 0, 0, 0, 7 FROM `+numbers, 30)
		db.exec(t, `INSERT INTO product_metrics SELECT n, 20251103, 1, 0, 0, 0, 0, 0, 7 FROM `+numbers, 1)
		program := db.open()
		if _, err := program.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		changes := func() (found metric.Changes) {
			err := program.View(t.Context(), func(tx store.Tx) (err error) {
				found, err = tx.Metrics.Changes(t.Context(), 20251001, 20251130)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		if got, want := changes(), (metric.Changes{20251030: 30, 20251103: 1}); !maps.Equal(want, got) {
			t.Errorf("changes %v, want %v", got, want)
		}
		err := program.Update(t.Context(), func(tx store.Tx) error {
			tx.Metrics.Add([]metric.Counters{{ProductID: 16, Day: clock.Day(20251103), Views: 1}}) // in the row that the migration has made
			return nil
		})
		if got := changes()[20251103]; err != nil || got != 2 {
			t.Errorf("%d changes after one more (%v)", got, err)
		}
	})
}
