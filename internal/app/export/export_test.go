package export_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/parquet"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func quiet(export.Rows) error { return nil }

// shelf is a shop, and a folder that its days are exported to.
type shelf struct {
	*shoptest.Shop

	path  string
	today clock.Day
}

func (s *shelf) export() (done export.Outcome, m export.Manifest) {
	s.T.Helper()
	f, err := parquet.Open(s.path)
	if err != nil {
		s.T.Fatal(err)
	}
	defer f.Close()
	if done, err = export.New(s.DB, f).Day(s.T.Context(), s.today, quiet); err != nil {
		s.T.Fatal(err)
	}
	m, ok, err := f.Manifest(s.today)
	if err != nil || !ok {
		s.T.Errorf("no manifest: %v", err)
	}
	return done, m
}

func (s *shelf) update(fn func(tx store.Tx)) {
	s.T.Helper()
	if err := s.DB.Update(s.T.Context(), func(tx store.Tx) error { fn(tx); return nil }); err != nil {
		s.T.Fatal(err)
	}
}

func rows(m export.Manifest) (n []int64) {
	for _, f := range m.Files {
		n = append(n, f.Rows)
	}
	return n
}

// The clock of the shop is real, so the day is today's: the exporter does not ask.
func TestADayIsWrittenAgainOnlyIfItHasChanged(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		s := &shelf{shop, shop.T.TempDir(), clock.DayOf(time.Now())}
		pid, buyer := s.Product(s.T, 100, 50), s.Customer(s.T, 10_000)
		o, err := s.Checkout.Place(s.T.Context(), checkout.Request{
			UserID: buyer, Lines: []order.Want{{ProductID: pid, Quantity: 2}},
		}, store.Unguarded{})
		if err != nil {
			s.T.Fatal(err)
		}
		s.update(func(tx store.Tx) {
			tx.Metrics.Add([]metric.Counters{{ProductID: pid, Day: s.today, Views: 1}, {ProductID: pid, Day: s.today.Add(-1), Views: 1}})
		})
		want := func(outcome export.Outcome, counters, sales int64) {
			s.T.Helper()
			done, m := s.export()
			if diff := cmp.Diff([]int64{counters, sales, 1}, rows(m)); diff != "" || done != outcome {
				s.T.Errorf("%s, want %s; rows (-want +got)\n%s", done, outcome, diff)
			}
		}
		want(export.Written, 1, 1)
		want(export.Unchanged, 1, 1)
		s.update(func(tx store.Tx) { tx.Metrics.Add([]metric.Counters{{ProductID: pid, Day: s.today.Add(-1), Views: 1}}) })
		want(export.Unchanged, 1, 1) // another day
		s.update(func(tx store.Tx) { tx.Metrics.Add([]metric.Counters{{ProductID: pid, Day: s.today, Views: 1}}) })
		want(export.Rewritten, 1, 1)
		if _, err := s.Checkout.Cancel(s.T.Context(), buyer, o.ID, "changed my mind", store.Unguarded{}); err != nil {
			s.T.Fatal(err)
		}
		want(export.Rewritten, 1, 0)
		if err := s.DB.Update(s.T.Context(), func(tx store.Tx) error {
			_, err := tx.Weights.Add(s.T.Context(), ranking.WeightsChange{
				Weights: ranking.Weights{View: 1, Like: 2, Order: 3, Carry: 4}, At: time.Now(), Actor: "admin", Reason: "a sale",
			})
			return err
		}); err != nil {
			s.T.Fatal(err)
		}
		want(export.Rewritten, 1, 0)
		want(export.Unchanged, 1, 0)
		month := metric.MonthOf(s.today)
		if err := s.DB.Update(s.T.Context(), func(tx store.Tx) error {
			_, _, err := tx.Months.RollUp(s.T.Context(), month, 0, 10)
			return err
		}); err != nil {
			s.T.Fatal(err)
		}
		want(export.Kept, 1, 0)
		s.path = s.T.TempDir()
		f, err := parquet.Open(s.path)
		if err != nil {
			s.T.Fatal(err)
		}
		defer f.Close()
		if _, err := export.New(s.DB, f).Day(s.T.Context(), s.today, quiet); !errors.Is(err, export.ErrRolled) {
			s.T.Errorf("a day that is no longer kept: %v", err)
		}
	})
}

func TestOnlyDaysThatAreOverAreExported(t *testing.T) {
	t.Parallel()
	now := clock.Day(20261128).Start()
	for _, c := range []struct {
		first, last clock.Day
		now         time.Time
		want        error
	}{
		{20261127, 20261127, now, nil},
		{20261127, 20261127, now.Add(-time.Nanosecond), export.ErrOpen},
		{20261101, 20261128, now, export.ErrOpen},
		{20271101, 20271102, now, export.ErrOpen},
		{20261127, 20261126, now, export.ErrRange},
	} {
		days, err := export.Closed(c.first, c.last, c.now)
		if !errors.Is(err, c.want) || err == nil && len(days) != 1 {
			t.Errorf("%s to %s at %s: %v, %v; want %v", c.first, c.last, c.now, days, err, c.want)
		}
	}
}

func TestTheJobHasAPartitionForEachDay(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t, out := s.T, s.T.TempDir()
		j := export.Job(export.Deps{
			DB: s.DB,
			Open: func(path string) (export.Folder, func() error, error) {
				f, err := parquet.Open(path)
				return f, f.Close, err
			},
			Now: func() time.Time { return clock.Day(20261128).Start() },
		})
		tx := func(tx store.Tx) error {
			tx.Metrics.Add([]metric.Counters{{ProductID: 1, Day: 20261126, Views: 1}, {ProductID: 2, Day: 20261126, Views: 1}})
			return nil
		}
		if err := s.DB.Update(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		steps, err := j.Plan(job.Parameters{"from": "2026-11-25", "to": "2026-11-27", "out": out})
		if err != nil {
			t.Fatal(err)
		}
		parts, err := steps[0].Partitions(t.Context(), s.DB)
		if diff := cmp.Diff([]string{"20261125", "20261126", "20261127"}, parts); diff != "" || err != nil {
			t.Fatalf("%v %s", err, diff)
		}
		var counts batch.Counts
		err = steps[0].Task(t.Context(), batch.Chunk{Partition: parts[1]}, func(c batch.Counts) error {
			counts.Read += c.Read
			counts.Written += c.Written
			return nil
		})
		if want := (batch.Counts{Read: 2, Written: 2}); err != nil || counts != want {
			t.Errorf("%+v, %v; want %+v", counts, err, want)
		}
		for _, wrong := range []job.Parameters{
			{"from": "2026-11-27", "to": "2026-11-26", "out": out}, {"from": "2026-11-31", "to": "2026-12-01", "out": out},
			{"from": "2026-11-25", "to": "2026-11-26"}, {"to": "2026-11-26", "out": out},
		} {
			if _, err := j.Plan(wrong); err == nil {
				t.Errorf("%v is planned", wrong)
			}
		}
	})
}
