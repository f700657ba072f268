package bench_test

import (
	"context"
	"flag"
	"fmt"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

var marks = flag.Int64("marks", 50_000_000, "how many marks the benchmark of marks fills in")

const markedDays = 30

// BenchmarkMarks counts the same events beside the marks of a month and beside none.
func BenchmarkMarks(b *testing.B) {
	none, full := newTallyBench(b), newTallyBench(b)
	today := clock.DayOf(full.env.Clock())
	full.prepareMonth(b, today)
	for n := range markedDays - 1 {
		full.addMarks(b, today.Add(-1-n))
	}
	full.exec(b, "VACUUM ANALYZE event_handled")
	full.fill = func(b *testing.B) int64 {
		b.Helper()
		full.exec(b, "TRUNCATE "+marksOf(today))
		return full.addMarks(b, today)
	}
	comparison{
		unit: "events/s", goal: 0.9,
		ours: side{fmt.Sprintf("beside %d marks", *marks), full.ours}, baseline: side{"beside none", none.ours},
	}.run(b)
	full.report(b)
}

// marksOf returns the partition of a day.
func marksOf(day clock.Day) string { return "event_handled_" + day.String() }

func (r *tallyBench) prepareMonth(b *testing.B, today clock.Day) {
	b.Helper()
	err := r.db.Update(b.Context(), func(tx store.Tx) error {
		_, err := tx.Handled.Prepare(b.Context(), today.Add(1-markedDays).Until(today.Add(2)))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// addMarks adds a day's share of the marks, with random ids of its first minute. It
// returns how many.
func (r *tallyBench) addMarks(b *testing.B, day clock.Day) int64 {
	b.Helper()
	share := *marks / markedDays
	floor := id.Floor(day.Start()).String()
	r.exec(b, fmt.Sprintf(`
		INSERT INTO event_handled (event_id, at_us)
		SELECT (lpad(to_hex(('x%s%s')::bit(48)::bigint + n * 60000 / %d), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid, %d
		FROM (SELECT n, md5(n::text) AS h FROM generate_series(1, %[3]d::bigint) n) m`,
		floor[:8], floor[9:13], share, day.Start().UnixMicro()))
	return share
}

// report prints what a mark takes.
func (r *tallyBench) report(b *testing.B) {
	b.Helper()
	var heap, index float64
	ctx := context.WithoutCancel(b.Context())
	err := r.admin.QueryRow(ctx, fmt.Sprintf(`SELECT pg_table_size(t)::float8 / n, pg_indexes_size(t)::float8 / n
		FROM (SELECT '%s'::regclass AS t, COUNT(*) AS n FROM %[1]s) s`, marksOf(clock.DayOf(r.env.Clock())))).Scan(&heap, &index)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("a mark of today takes %.0f bytes, and %.0f in the index", heap, index)
}
