package bench_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// bareRollup is the best statement that we know for the best 100 products of some days.
// "+ 0" hides the primary key, by which each counter would be read from another page.
const bareRollup = `
	SELECT product_id + 0, CAST(SUM(1000 * (100 * views + 200 * likes) + 700 * amount_log) AS BIGINT)
	FROM product_metrics WHERE day BETWEEN $1 AND $2 GROUP BY 1 ORDER BY 2 DESC, 1 DESC LIMIT 100`

// rankedRow is a product with its score.
type rankedRow struct{ ID, Score int64 }

// bare is a round of the limit. It fails the benchmark unless the job has published the
// same products with the same scores.
func (s *counted) bare(b *testing.B, p countedPeriod) float64 {
	b.Helper()
	begun := time.Now()
	want := s.rows(b, bareRollup, pgx.QueryExecModeExec, p.first, p.last) // planned for these days
	took := time.Since(begun)
	got := s.rows(b, `
		SELECT r.product_id, r.score FROM ranking_publications p JOIN product_ranks r ON r.run_id = p.run_id
		WHERE p.kind = $1 AND p.first_day = $2 AND p.replaced_us IS NULL ORDER BY r.rank_no`, p.step, p.first)
	if len(want) != 100 || len(got) > 0 && !slices.Equal(want, got) {
		b.Fatalf("%s: published are %v, want %v", p.step, got, want)
	}
	return float64(p.days*s.products) / took.Seconds()
}

func (s *counted) rows(b *testing.B, text string, args ...any) []rankedRow {
	b.Helper()
	found, err := s.admin.Query(b.Context(), text, args...)
	if err != nil {
		b.Fatal(err)
	}
	rows, err := pgx.CollectRows(found, pgx.RowToStructByPos[rankedRow])
	if err != nil {
		b.Fatal(err)
	}
	return rows
}
