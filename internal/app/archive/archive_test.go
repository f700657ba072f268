package archive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/archive"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func now() time.Time { return clock.Day(20261128).Start() }

func step(t *testing.T, p job.Parameters) batch.Step {
	t.Helper()
	steps, err := archive.Job(now).Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	return steps[0]
}

func update(t *testing.T, db store.DB, fn func(tx store.Tx)) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx store.Tx) error { fn(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestMonthsThatEndedLongAgoAreRolledUp(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		update(s.T, s.DB, func(tx store.Tx) {
			var days []metric.Counters
			for _, d := range []clock.Day{20250831, 20250930, 20251001, 20251024, 20251031, 20260901, 20260902, 20260930, 20261001} {
				days = append(days, metric.Counters{ProductID: 1, Day: d, Views: 1})
			}
			tx.Metrics.Add(days)
		})
		for keep, want := range map[string][]string{ // 28 November 2026 less 400 days is 24 October 2025
			"400": {"202508", "202509"}, "390": {"202508", "202509", "202510"}, "62": {"202508", "202509", "202510"},
			"393": {"202508", "202509"}, "392": {"202508", "202509", "202510"}, // that is 31 October and 1 November
		} {
			got, err := step(s.T, job.Parameters{"keep-days": keep}).Partitions(s.T.Context(), s.DB)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				s.T.Errorf("keep-days=%s: %v (-want +got)\n%s", keep, err, diff)
			}
		}
		got, err := step(s.T, nil).Partitions(s.T.Context(), s.DB)
		if diff := cmp.Diff([]string{"202508", "202509"}, got); diff != "" || err != nil {
			s.T.Errorf("by default: %v (-want +got)\n%s", err, diff)
		}
	})
	for _, wrong := range []string{"", "61", "-1", "x", "1000000"} {
		if _, err := archive.Job(now).Plan(job.Parameters{"keep-days": wrong}); !errors.Is(err, archive.ErrKeepDays) {
			t.Errorf("keep-days=%q: %v", wrong, err)
		}
	}
}

var errKilled = errors.New("killed")

// run rolls a month up as a runner does: progress is saved with the chunk. Chunks fail
// before their commit as fails says.
func run(t *testing.T, db store.DB, s batch.Step, partition string, fails func() bool) (counts batch.Counts, chunks int) {
	t.Helper()
	var done batch.Progress
	for !done.Done {
		chunks++
		var next batch.Progress
		err := db.Update(t.Context(), func(tx store.Tx) (err error) {
			next, err = s.Chunk(t.Context(), tx, batch.Chunk{Partition: partition, Position: done.Position})
			if err == nil && fails() {
				err = errKilled
			}
			return err
		})
		if errors.Is(err, errKilled) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		done = next
		counts.Written += next.Written
	}
	return counts, chunks
}

// A month of 12,000 daily counters takes three chunks.
func TestAMonthIsRolledUpInChunksAndVerifyStillAgrees(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t, month := s.T, clock.Day(20250901)
		var all []metric.Counters
		for p := int64(1); p <= 400; p++ {
			for _, day := range month.Until(20250930) {
				all = append(all, metric.Counters{ProductID: p, Day: day, Views: p})
			}
		}
		update(t, s.DB, func(tx store.Tx) { tx.Metrics.Add(all) })
		sell(t, s, 20250907)
		before := differences(t, s.DB)
		turn := 0
		counts, chunks := run(t, s.DB, step(t, nil), "202509", func() bool { turn++; return turn%2 == 1 })
		if counts.Written != 12_000 || chunks != 6 {
			t.Errorf("%d counters moved in %d chunks, half of which failed", counts.Written, chunks)
		}
		if diff := cmp.Diff(before, differences(t, s.DB)); diff != "" {
			t.Errorf("verify (-before +after)\n%s", diff)
		}
		late := sell(t, s, 20250930)
		if diff := cmp.Diff([]string(nil), differences(t, s.DB)); diff != "" {
			t.Errorf("after a late event (-want +got)\n%s", diff)
		}
		run(t, s.DB, step(t, nil), "202509", func() bool { return false })
		if diff := cmp.Diff([]string(nil), differences(t, s.DB)); diff != "" {
			t.Errorf("after the next run (-want +got)\n%s", diff)
		}
		update(t, s.DB, func(tx store.Tx) { tx.Metrics.Add([]metric.Counters{late.Minus()}) })
		want := []string{fmt.Sprintf("product %d in 202509: orders", late.ProductID)}
		if diff := cmp.Diff(want, differences(t, s.DB)[:1]); diff != "" {
			t.Errorf("without the counter of a sale (-want +got)\n%s", diff)
		}
	})
}

// sell sells a product on a day, and counts it.
func sell(t *testing.T, s *shoptest.Shop, day clock.Day) metric.Counters {
	t.Helper()
	pid, buyer := s.Product(t, 500, 10), s.Customer(t, 100_000)
	o, err := order.New(s.IDs(), buyer, []order.Line{{ProductID: pid, Name: "Cup", Price: 500, Quantity: 2}}, day.Start())
	if err != nil {
		t.Fatal(err)
	}
	if o, err = o.Pay(day.Start()); err != nil {
		t.Fatal(err)
	}
	c := metric.Sale(pid, day, 2, 500)
	update(t, s.DB, func(tx store.Tx) {
		tx.Orders.Add(o)
		tx.Metrics.Add([]metric.Counters{c})
	})
	return c
}

// differences returns what verify finds about sales.
func differences(t *testing.T, db store.DB) (found []string) {
	t.Helper()
	results, err := verify.New(db).Once(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range results[len(results)-1].Differences {
		found = append(found, d.Subject+": "+d.What)
	}
	return found
}

func TestCrashesBetweenChunksLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		rapid.Check(s.T, func(rt *rapid.T) {
			var deltas []metric.Counters
			used := map[metric.Counters]bool{}
			for range rapid.IntRange(1, 30).Draw(rt, "counters") {
				at := metric.Counters{ProductID: rapid.Int64Range(1, 5).Draw(rt, "product"), Day: clock.Day(20250901).Add(rapid.IntRange(-2, 32).Draw(rt, "day"))}
				if used[at] {
					continue
				}
				used[at] = true
				at.Views, at.Likes = 1, rapid.Int64Range(-3, 3).Draw(rt, "likes")
				deltas = append(deltas, at)
			}
			before := sum(s.T, s.DB)
			update(s.T, s.DB, func(tx store.Tx) { tx.Metrics.Add(deltas) })
			crashes := rapid.IntRange(0, 3).Draw(rt, "crashes")
			run(s.T, s.DB, step(s.T, nil), "202509", func() bool { crashes--; return crashes >= 0 })
			for _, d := range deltas {
				before = before.Plus(d)
			}
			if got := sum(s.T, s.DB); got != before {
				rt.Errorf("%+v, want %+v", got, before)
			}
		})
	})
}

// sum adds up all counters, of days and months.
func sum(t *testing.T, db store.DB) (total metric.Counters) {
	t.Helper()
	err := db.View(t.Context(), func(tx store.Tx) error { return add(t.Context(), tx, &total) })
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func add(ctx context.Context, tx store.Tx, total *metric.Counters) error {
	for p := int64(1); p <= 5; p++ {
		c, err := tx.Months.Of(ctx, p, 202509)
		if err != nil {
			return err
		}
		*total = total.Plus(c)
	}
	return tx.Metrics.All(ctx, 10101, 99991231, func(c metric.Counters) error { *total = total.Plus(c); return nil })
}

func TestAChunkGoesOnAfterThePositionAndRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		update(t, s.DB, func(tx store.Tx) {
			tx.Metrics.Add([]metric.Counters{{ProductID: 1, Day: 20250901, Views: 1}, {ProductID: 2, Day: 20250901, Views: 1}})
		})
		chunk := func(partition, position string) (p batch.Progress, err error) {
			err = s.DB.Update(t.Context(), func(tx store.Tx) (err error) {
				p, err = step(t, nil).Chunk(t.Context(), tx, batch.Chunk{Partition: partition, Position: position})
				return err
			})
			return p, err
		}
		for _, wrong := range [][2]string{{"September", ""}, {"202509", "Cup"}} {
			if p, err := chunk(wrong[0], wrong[1]); err == nil {
				t.Errorf("%q: %+v", wrong, p)
			}
		}
		if p, err := chunk("202509", "2"); err != nil || p.Read != 1 {
			t.Errorf("from product 2 on: %+v, %v", p, err)
		}
	})
}
