package batch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func row(rank, product int64, score ranking.Points) ranking.Row {
	return ranking.Row{Entry: ranking.Entry{Rank: rank, ProductID: product, Score: score}}
}

func TestADryRunPrintsATableThatLinesUp(t *testing.T) {
	t.Parallel()
	p := newPreviews()
	counted := row(5, 50, 100)
	counted.Counters = metric.Counters{Views: 1}
	p.add(t.Context(), ranking.PeriodOf(ranking.Monthly, 20260318), nil)
	p.add(t.Context(), ranking.PeriodOf(ranking.Weekly, 20260318), []rollup.Change{
		{After: row(1, 123456, 2_700_000)}, {Before: row(1, 10, 2_000_000), After: row(2, 10, 2_500_000)},
		{Before: row(4, 30, 900_000), After: row(3, 30, 900_000)}, {Before: row(4, 40, 1), After: row(4, 40, 2)},
		{Before: row(5, 50, 100), After: counted}, {Before: row(3, 20, 1_000_000)},
	})
	p.add(t.Context(), ranking.PeriodOf(ranking.Weekly, 20260311), []rollup.Change{{After: row(1, 7, 1)}})
	p.add(t.Context(), ranking.PeriodOf(ranking.Weekly, 20260311), []rollup.Change{{After: row(1, 8, 1)}}) // the chunk ran again
	var out strings.Builder
	if err := p.print(&out); err != nil {
		t.Fatal(err)
	}
	want := `PERIOD    PRODUCT  RANK NOW  RANK THEN  SCORE NOW  SCORE THEN  CHANGE
2026-W11  8        -         1          -          0.000001    in
2026-W12  123456   -         1          -          2.7         in
2026-W12  10       1         2          2          2.5         down 1
2026-W12  30       4         3          0.9        0.9         up 1
2026-W12  40       4         4          0.000001   0.000002    score
2026-W12  50       5         5          0.0001     0.0001      counters
2026-W12  20       3         -          1          -           out
3 rankings would have 7 changes. Nothing was published.

`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	rows := p.json()
	if len(rows) != 7 || rows[1].Now != nil || rows[1].Then.Rank != 1 || rows[6].Then != nil || rows[6].Now.Rank != 3 || rows[6].Change != "out" {
		t.Errorf("%+v", rows)
	}
}

func TestWithoutADryRunNothingIsPreviewed(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if p := newPreviews(); p.print(&out) != nil || out.Len() > 0 || p.json() != nil {
		t.Errorf("%q", out.String())
	}
}

func TestADryRunThatWasStoppedBeginsAnew(t *testing.T) {
	t.Parallel()
	var c runCommand
	if !c.begins(job.Parameters{"dry-run": "true"}) || c.begins(job.Parameters{"dry-run": "false"}) || c.begins(nil) {
		t.Error("a restart of a dry run shows only what the first one has not seen")
	}
}
