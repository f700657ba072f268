package process_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver of PostgreSQL

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// tables is a shop with published rankings of January 2026, and its database in plain SQL.
type tables struct {
	*testing.T

	env []string
	raw *sql.DB
}

// eachEngine runs test with such a shop on each engine.
func eachEngine(t *testing.T, test func(s *tables)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop.db")
		db, err := sqlite.Open(t.Context(), path, storetest.Complete(sqlstore.Options{}))
		test(newTables(t, "sqlite:"+path, "sqlite", path+"?_pragma=busy_timeout(10000)", db, err))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := storetest.Schema(t)
		db, err := postgres.Open(t.Context(), address, storetest.Complete(sqlstore.Options{}))
		test(newTables(t, address, "pgx", address, db, err))
	})
}

func newTables(t *testing.T, address, driver, source string, db *sqlstore.DB, err error) *tables {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var deltas []metric.Counters
	for _, day := range clock.Day(20260105).Until(20260111) {
		for p := range int64(5) {
			deltas = append(deltas, metric.Counters{ProductID: p + 1, Day: day, Views: p + 1})
		}
	}
	if err := db.Update(t.Context(), func(tx store.Tx) error { tx.Metrics.Add(deltas); return nil }); err != nil {
		t.Fatal(err)
	}
	s := &tables{T: t, env: []string{
		"DATABASE_URL=" + address, "REDIS_URL=" + os.Getenv("TEST_REDIS_URL"), "REDIS_KEY_PREFIX=" + t.Name(), "LOG_LEVEL=error",
	}}
	if s.raw, err = sql.Open(driver, source); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.raw.Close() })
	s.run(0, "commerce-batch", "run", "dailyRankingJob")
	s.run(0, "commerce-batch", "run", "weeklyMonthlyRankingJob")
	return s
}

func (s *tables) run(want int, program string, args ...string) string {
	s.Helper()
	code, out := command(s.T, s.env, program, args...)
	if code != want {
		s.Fatalf("%s %s = %d, want %d\n%s", program, strings.Join(args, " "), code, want, out)
	}
	return out
}

// change changes one row.
func (s *tables) change(text string, args ...any) {
	s.Helper()
	result, err := s.raw.ExecContext(s.Context(), text, args...)
	if err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		s.Fatalf("%s: %d rows, %v", text, n, err)
	}
}

// current returns the run ids of the current rankings by period.
func (s *tables) current() map[string]string {
	s.Helper()
	rows, err := s.raw.QueryContext(s.Context(), `SELECT period, CAST(run_id AS TEXT) FROM ranking_publications WHERE replaced_us IS NULL`)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var period, run string
		if err := rows.Scan(&period, &run); err != nil {
			s.Fatal(err)
		}
		all[period] = run
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return all
}

// has fails the test unless one line has all the words in their order.
func (s *tables) has(out string, words ...string) {
	s.Helper()
	for line := range strings.Lines(out) {
		if strings.Contains(strings.Join(strings.Fields(line), " "), strings.Join(words, " ")) {
			return
		}
	}
	s.Errorf("no line has %q:\n%s", words, out)
}

// Somebody changes rows by hand: each kind of damage is named and mended, and no other
// ranking is touched.
func TestDamagedTablesAreFoundAndMendedAndNothingElseIsTouched(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(s *tables) {
		days := []string{"--from=20260101", "--to=20260131"}
		verify := append([]string{"ranking", "verify", "--what=tables"}, days...)
		s.has(s.run(0, "commerce", verify...), "rankings compared, 0 differences.")
		before := s.current()
		s.change(`UPDATE product_ranks SET score = score + 1 WHERE rank_no = 3 AND run_id = $1`, before["2026-W02"])
		s.change(`DELETE FROM product_ranks WHERE rank_no = 2 AND run_id = $1`, before["2026-01"])
		s.change(`INSERT INTO product_ranks (run_id, rank_no, product_id, score, views, likes, orders, quantity, amount, amount_log)
			VALUES ($1, 6, 999, 1, 0, 0, 0, 0, 0, 0)`, before["20260105"])
		s.change(`UPDATE product_ranks SET rank_no = 9 WHERE rank_no = 1 AND run_id = $1`, before["20260106"])
		s.change(`UPDATE ranking_publications SET row_count = 4 WHERE run_id = $1`, before["20260107"])

		out := s.run(1, "commerce", verify...)
		s.has(out, "weekly table 2026-W02 3 score 2.1 2.100001")
		s.has(out, "monthly table 2026-01 4 rank 2 -")
		s.has(out, "daily table 20260105 999 rank - 6")
		s.has(out, "daily table 20260106 5 rank 1 9")
		s.has(out, "daily table 20260107 - number of rows 5 4")
		if strings.Contains(out, "20260108") {
			s.Errorf("a ranking that is right is named:\n%s", out)
		}
		failed := s.run(1, "commerce-batch", append([]string{"run", "rankingVerifyJob", "--what=tables"}, days...)...)
		for _, says := range []string{
			"the weekly table of 2026-W02: 1 rows, the first is that of product 3", "the monthly table of 2026-01",
			"the daily table of 20260105", "the daily table of 20260106", "the daily table of 20260107: it says that it has 4 rows, and has 5",
		} {
			if !strings.Contains(failed, says) {
				s.Errorf("the job does not say %q:\n%s", says, failed)
			}
		}

		out = s.run(0, "commerce", append([]string{"ranking", "rebuild", "--what=tables"}, days...)...)
		s.has(out, "weekly table 2026-W02 published again")
		s.has(out, "daily table 20260108 was right")
		var again []string
		for period, run := range s.current() {
			if before[period] != run {
				again = append(again, period)
			}
		}
		slices.Sort(again)
		if want := []string{"2026-01", "2026-W02", "20260105", "20260106", "20260107"}; !slices.Equal(want, again) {
			s.Errorf("published again: %v, want %v", again, want)
		}
		s.has(s.run(0, "commerce", verify...), "rankings compared, 0 differences.")
		s.run(0, "commerce-batch", append([]string{"run", "rankingVerifyJob", "--what=tables"}, days...)...)
		if out := s.run(0, "commerce-batch", "history", "--job=rankingRebuildJob"); !strings.Contains(out, "COMPLETED") {
			s.Errorf("the rebuild is not in the history:\n%s", out)
		}
	})
}

func TestRebuildIsForBoardsAndTables(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(s *tables) {
		out := s.run(0, "commerce", "ranking", "rebuild", "--days=2")
		today := clock.DayOf(time.Now())
		s.has(out, "board", today.String(), "rebuilt, 0 scores")
		s.has(out, "daily table", today.String())
		out = s.run(0, "commerce", "ranking", "verify", "--days=2")
		s.has(out, "Boards: 0 scores of 2 days compared, 0 differences.")
		s.has(out, "Tables:")
		for _, wrong := range [][]string{{"--what=redis"}, {"--from=20260102", "--to=20260101"}, {"--days=9"}} {
			s.run(2, "commerce", append([]string{"ranking", "verify"}, wrong...)...)
		}
	})
}

func TestTheSchedulerTellsTheAgeOfWhatIsPublished(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(s *tables) {
		port := cluster.FreePort(s.T)
		scheduler := &cluster.Service{ManagementURL: "http://127.0.0.1:" + port}
		scheduler.Program = &cluster.Program{
			TB: s.T, Name: "scheduler", Path: programs.Path(s.T, "commerce-batch"), Args: []string{"schedule"},
			Probe: scheduler.ManagementURL + "/readyz", Env: append([]string{"MANAGEMENT_PORT=" + port}, s.env...),
		}
		scheduler.Launch(s.Context())
		for _, period := range []string{"daily", "weekly", "monthly"} {
			cluster.Eventually(s.T, time.Minute, "the age is known", func() error {
				age := scheduler.Metric(s.Context(), `commerce_ranking_published_age_seconds{period="`+period+`"}`)
				if age <= 0 || age > 600 {
					return fmt.Errorf("it is %v", age)
				}
				return nil
			})
		}
		scheduler.Stop()
	})
}

func TestADryRunPrintsTheDifferenceAndPublishesNothing(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(s *tables) {
		before := s.current()
		s.change(`UPDATE product_ranks SET score = score + 1 WHERE rank_no = 3 AND run_id = $1`, before["2026-W02"])
		for range 2 { // what a dry run has found, the next one finds as well
			out := s.run(0, "commerce-batch", "run", "weeklyMonthlyRankingJob", "--dry-run", "--date", "2026-01-05", "--log-level", "error", "--top", "100")
			s.has(out, "2026-W02 3 3 3 2.100001 2.1 score")
			s.has(out, "2 rankings would have 1 changes. Nothing was published.")
		}
		s.has(s.run(0, "commerce-batch", "run", "dailyRankingJob", "--dry-run", "--date=2026-01-05", "--json"), `"preview": []`)
		if diff := cmp.Diff(before, s.current()); diff != "" {
			s.Error(diff)
		}
		for _, wrong := range []string{"dailyRankingJob --top 0", "dailyRankingJob --top", "exportJob", "rankingPublicationPurgeJob --keep 1s"} {
			s.run(2, "commerce-batch", append([]string{"run"}, strings.Fields(wrong)...)...)
		}
	})
}
