package process_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

const rankingJob = "weeklyMonthlyRankingJob"

// The days that are ranked: nine weeks, of which one is in two years, and three months.
const (
	rankedFrom, rankedTo = "2025-12-01", "2026-02-01"
	rankedWeek           = "2026-W01"
	rankedMonth          = "2026-01"
	rankedProducts       = 40 // those of seed --demo
)

// rankTest is a shop whose counters are those of a version: in version v, product p has
// v * (100 + p) views on each day. So the rows of a ranking show which version they are of.
type rankTest struct {
	*testing.T

	env []string
	db  *pgtest.DB
}

// newRankTest returns a shop in which version 1 is published.
func newRankTest(t *testing.T) *rankTest {
	t.Helper()
	on := cluster.SharedServers(t)
	r := &rankTest{t, append(on.Env, "AUTH_JWT_SECRET="+strings.Repeat("k", 32), "TZ=America/New_York"), pgtest.Open(t, on.DatabaseURL)}
	for _, args := range [][]string{{"migrate"}, {"seed", "--demo"}} {
		if code, out := command(t, r.env, "commerce", args...); code != 0 {
			t.Fatal(out)
		}
	}
	r.count(1)
	r.publish()
	return r
}

// count makes the counters those of a version.
func (r *rankTest) count(version int) {
	r.Helper()
	_, err := r.db.Pool.Exec(r.Context(), `
		WITH days AS (
			SELECT to_char(d, 'YYYYMMDD')::int AS day FROM generate_series($2::text::date, $3::text::date, '1 day') d
		), counted AS (
			INSERT INTO product_metrics (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
			SELECT p.id, d.day, $1::bigint * (100 + p.id), 0, 0, 0, 0, 0, 1 FROM products p, days d
			ON CONFLICT (product_id, day) DO UPDATE SET views = excluded.views, version = product_metrics.version + 1
		)
		INSERT INTO metric_days AS m (day, stripe, changes) SELECT day, 0, 1 FROM days
		ON CONFLICT (day, stripe) DO UPDATE SET changes = m.changes + 1`, version, rankedFrom, rankedTo)
	if err != nil {
		r.Fatal(err)
	}
}

// begin starts the job for all days. It does one partition after another.
func (r *rankTest) begin() *cluster.Program {
	r.Helper()
	return start(r.T, r.env, "commerce-batch", runRanking()...)
}

// publish runs the job to its end.
func (r *rankTest) publish() {
	r.Helper()
	if code, out := command(r.T, r.env, "commerce-batch", runRanking()...); code != 0 {
		r.Fatalf("the job ends with %d\n%s", code, out)
	}
}

func runRanking() []string {
	return []string{"run", rankingJob, "--from", rankedFrom, "--to", rankedTo, "--ranges", "3", "--partitions", "1"}
}

// contents returns the rows of all published weeks and months.
func (r *rankTest) contents() []string {
	r.Helper()
	return append(
		r.db.Column(r.Context(), ranks("mv_product_rank_weekly", "year_week")),
		r.db.Column(r.Context(), ranks("mv_product_rank_monthly", "year_month"))...)
}

// checkContents demands that what is published are all rankings of a version, and what a
// run publishes that nothing disturbs.
func (r *rankTest) checkContents(version int) {
	r.Helper()
	got := r.contents()
	r.publish()
	if diff := cmp.Diff(r.contents(), got); diff != "" || len(got) != (9+3)*rankedProducts {
		r.Errorf("%d rows differ from those of a run that nothing has disturbed (-undisturbed +found)\n%s", len(got), diff)
	}
	first := fmt.Sprintf("%s,1,%d,%d,%d,0,0,0,0", rankedWeek, rankedProducts, 700_000*140*version, 7*140*version)
	if !strings.Contains(strings.Join(got, "\n"), first) {
		r.Errorf("the rankings are not those of version %d: %s is missing", version, first)
	}
}

// barrier is a lock on what is published of a period: who publishes it anew waits.
type barrier struct {
	*rankTest

	conn *pgxpool.Conn
	pid  int64
}

// bar puts a barrier before the publication of a period.
func (r *rankTest) bar(period string) *barrier {
	r.Helper()
	conn, err := r.db.Pool.Acquire(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	b := &barrier{rankTest: r, conn: conn}
	r.Cleanup(b.open)
	if _, err = conn.Exec(r.Context(), `BEGIN`); err == nil {
		err = conn.QueryRow(r.Context(), `SELECT pg_backend_pid() FROM ranking_publications
			WHERE period = $1 AND replaced_us IS NULL FOR UPDATE`, period).Scan(&b.pid)
	}
	if err != nil {
		r.Fatal(err)
	}
	return b
}

// await waits until somebody waits at the barrier.
func (b *barrier) await() {
	b.Helper()
	cluster.Eventually(b, time.Minute, "the job comes to the barrier", func() error {
		if n := b.db.Count(b.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE $1::int = ANY (pg_blocking_pids(pid))`, b.pid); n != 1 {
			return fmt.Errorf("%d wait there", n)
		}
		return nil
	})
}

// open takes the barrier away.
func (b *barrier) open() {
	if b.conn != nil {
		_ = b.conn.Conn().Close(b.Context())
		b.conn.Release()
		b.conn = nil
	}
}
