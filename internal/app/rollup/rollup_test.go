package rollup_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/ranktest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// Counters and changes of weights are drawn. Every published day, week and month equals a
// recount, whatever the number of ranges, and nothing is due but what is running.
func TestPublishedRankingsEqualARecount(t *testing.T) {
	t.Parallel()
	var s *env
	const casesOfADatabase = 5 // the more periods it has, the longer a case takes
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		if n%casesOfADatabase == 0 {
			s = onSQLite(t)
		}
		n++
		at := clock.Day(20200115).Add(120 * n)
		s.equalsRecounts(rt, at, drawDrawn(rt, at))
	})
}

// The statements are the same on both engines, and compared by the tests of conformance.
// So a few cases are enough here.
func TestPublishedRankingsEqualARecountOnPostgres(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Postgres(t, sqlstore.Options{}))
	for n := range 8 {
		at := clock.Day(20200115).Add(120 * n)
		s.equalsRecounts(t, at, rapid.Custom(func(rt *rapid.T) drawn { return drawDrawn(rt, at) }).Example(n))
	}
}

// drawn is a case of these tests.
type drawn struct {
	schedule    ranking.Schedule
	counters    []metric.Counters
	ranges, top int
}

func drawDrawn(t *rapid.T, at clock.Day) drawn {
	return drawn{
		ranktest.Schedule(t, at), ranktest.Counters(t, at, 45, 0),
		rapid.IntRange(1, 3).Draw(t, "ranges"), rapid.IntRange(1, 8).Draw(t, "top"),
	}
}

// equalsRecounts publishes all rankings of the last days, and recounts each.
func (s *env) equalsRecounts(t rapid.TB, at clock.Day, d drawn) {
	t.Helper()
	s.set(noonOf(at))
	s.mu.Lock()
	s.schedule = d.schedule
	s.mu.Unlock()
	s.count(d.counters...)
	p := job.Parameters{"from": at.Add(-3).String(), "ranges": strconv.Itoa(d.ranges), "top": strconv.Itoa(d.top)}
	s.run(rollup.DailyJob, p)
	s.run(rollup.WeeklyMonthlyJob, p)
	for _, kind := range ranking.Kinds() {
		for period := ranking.PeriodOf(kind, at.Add(-3)); period.First <= at; period = period.Next() {
			c := s.current(period)
			want := ranktest.Recount(period, d.schedule, d.counters)
			got := view(s, func(ctx context.Context, tx store.Tx) ([]ranking.Row, error) {
				return tx.Published.Rows(ctx, c.Run, 0, 100)
			})
			if want = want[:min(len(want), d.top)]; !slices.Equal(want, got) {
				t.Fatalf("%s: %+v, want %+v", period.Key(), got, want)
			}
			if c.Complete != (period.Last < at) || c.Weights != d.schedule.Fingerprint(period) || c.Limit != int64(d.top) {
				t.Errorf("%s: %+v", period.Key(), c)
			}
		}
	}
}

// A job is killed before and after each commit, and restarted. Each partition is done
// once, and the tables are the same as without.
func TestAJobThatIsKilledAnywhereLeavesTheSameTables(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *env) {
		t.Helper()
		for pid := range int64(9) {
			for _, ago := range []int{0, 1, 3, 9, 20} {
				s.count(metric.Counters{ProductID: pid + 1, Day: today.Add(-ago), Views: 1 + (pid*7+int64(ago))%5, Likes: pid % 3})
			}
		}
		for _, name := range []string{rollup.DailyJob, rollup.WeeklyMonthlyJob} {
			p := job.Parameters{"from": today.Add(-3).String(), "ranges": "2", "top": "4"}
			whole := s.run(name, p)
			want := s.published()
			for _, committed := range []bool{false, true} {
				for kill := range whole.Planned() {
					s.killed(name, p, kill, committed)
					if got := s.published(); !cmp.Equal(want, got) {
						t.Fatalf("%s killed at %d, committed %v:\n%s", name, kill, committed, cmp.Diff(want, got))
					}
				}
			}
		}
		s.nothingLeft()
	})
}

var errKilled = errors.New("killed")

// killed runs a job that is killed in the n-th partition, and then restarted.
func (s *env) killed(name string, p job.Parameters, n int, committed bool) {
	s.Helper()
	r, seen, before, published := s.begin(name), 0, s.runs(), 0
	r.Fail = func(_ string, after bool) error {
		if after == committed {
			seen++
			if seen == n+1 {
				return errKilled
			}
		}
		return nil
	}
	if err := r.Do(s.Context(), p); !errors.Is(err, errKilled) {
		s.Fatalf("not killed: %v", err)
	}
	s.set(s.clock().Add(24 * time.Hour)) // the restart is on another day: it does what was planned
	defer s.set(s.clock().Add(-24 * time.Hour))
	s.purge(time.Now().Add(time.Hour)) // what the killed run has worked out is kept
	r.Fail = nil
	if err := r.Do(s.Context(), p); err != nil {
		s.Fatal(err)
	}
	for part, chunks := range r.Chunks {
		if chunks != 1 {
			s.Errorf("%s was done %d times", part, chunks)
		}
	}
	if len(r.Chunks) != r.Planned() {
		s.Errorf("%d of %d partitions were done", len(r.Chunks), r.Planned())
	}
	for period, run := range s.runs() {
		if before[period] != run {
			published++
		}
	}
	if periods := r.Planned() / 2; published != periods { // two ranges each
		s.Errorf("%d of %d periods were published", published, periods)
	}
}

// nothingLeft fails the test if work is left over that nobody will finish.
func (s *env) nothingLeft() {
	s.Helper()
	before := s.published()
	for n := int64(1); n > 0; {
		n = s.purge(time.Now().Add(ranking.Abandoned + time.Hour))
	}
	if after := s.published(); !cmp.Equal(before, after) {
		s.Error("a purge has deleted what is published")
	}
	if n := s.purge(time.Now().Add(ranking.Abandoned + time.Hour)); n != 0 {
		s.Errorf("%d rows are left", n)
	}
}

// An event comes late, on a day that is closed. Its week and month are due again, and the
// day with those that its score is carried over into. A run redoes just those.
func TestALateEventMakesItsPeriodsDueAndNoOthers(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for ago := range 60 {
		s.views(1, today.Add(-ago), 1)
	}
	s.runAll()
	running := map[ranking.Kind][]string{ranking.Daily: {"20260318"}, ranking.Weekly: {"2026-W12"}, ranking.Monthly: {"2026-03"}}
	for kind, want := range running {
		if got := s.due(kind); !slices.Equal(want, got) {
			t.Errorf("due: %v, want what is running: %v", got, want)
		}
	}
	before := s.runs()
	s.views(2, 20260225, 100)
	s.runAll()
	want := []string{"2026-02", "2026-03", "2026-W09", "2026-W12", "20260225", "20260226", "20260227", "20260228", "20260301", "20260302", "20260303", "20260304", "20260318"}
	var redone []string
	for p, run := range s.runs() {
		if before[p] != run {
			redone = append(redone, p.Key())
		}
	}
	slices.Sort(redone)
	if !slices.Equal(want, redone) {
		t.Errorf("redone: %v, want %v", redone, want)
	}
	if rows := s.published()[ranking.PeriodOf(ranking.Weekly, 20260225)]; rows[0].ProductID != 2 {
		t.Errorf("the late event is missing: %+v", rows)
	}
}

// runs returns the runs of all published rankings.
func (s *env) runs() map[ranking.Period]string {
	s.Helper()
	all := map[ranking.Period]string{}
	for p := range s.published() {
		all[p] = s.current(p).Run.String()
	}
	return all
}

// A change of the weights makes stale what its day is part of, and what is after it.
func TestAChangeOfTheWeightsMakesPeriodsDue(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for ago := range 30 {
		s.views(1, today.Add(-ago), 1)
	}
	s.runAll()
	heavy := ranking.Weights{View: 900, Carry: 100}
	s.weigh(ranking.WeightsChange{ID: 1, At: noonOf(20260314), Weights: heavy}, ranking.WeightsChange{ID: 2, At: noonOf(20260316), Weights: ranking.DefaultWeights()})
	if got := s.due(ranking.Weekly); !slices.Equal([]string{"2026-W11", "2026-W12"}, got) {
		t.Errorf("weeks due: %v", got)
	}
	if got := s.due(ranking.Daily); !slices.Equal([]string{"20260314", "20260315", "20260316", "20260317", "20260318"}, got) {
		t.Errorf("days due: %v", got)
	}
	s.runAll()
	week := s.published()[ranking.PeriodOf(ranking.Weekly, 20260314)]
	if want := ranking.Points(5*100_000 + 2*900_000); week[0].Score != want {
		t.Errorf("the week has %s, want %s", week[0].Score, want)
	}
}

// The weights change while a run is between two parts of a period. All parts are scored
// by those that it was planned with, and the next run redoes the period.
func TestWeightsThatChangeInTheMiddleOfARunDoNotMix(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.views(1, today, 1)
	s.views(2, today, 1)
	r := s.begin(rollup.WeeklyMonthlyJob)
	r.Fail = func(string, bool) error {
		s.set(noonOf(today).Add(time.Hour))
		s.weigh(ranking.WeightsChange{ID: 1, At: noonOf(today), Weights: ranking.Weights{View: 900}})
		return nil
	}
	if err := r.Do(t.Context(), job.Parameters{"date": today.String(), "ranges": "2"}); err != nil {
		t.Fatal(err)
	}
	week := ranking.PeriodOf(ranking.Weekly, today)
	if c := s.current(week); !c.AsOf.Equal(noonOf(today)) {
		t.Errorf("counters as of %s, but the run began at noon", c.AsOf)
	}
	for _, row := range s.published()[week] {
		if row.Score != 100_000 {
			t.Errorf("scored by other weights: %+v", row)
		}
	}
	s.set(noonOf(week.Last.Add(1)))
	s.runAll()
	if c := s.current(week); c.Weights != "900/0/0/0" && !strings.HasSuffix(c.Weights, ":900/0/0/0") {
		t.Errorf("not redone: %+v", c)
	}
}

// The event of 23:59:59 is the last of its day, week and month, and that of 00:00:00 is
// the first of the next.
func TestMidnightInSeoulSeparatesPeriods(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	last := time.Date(2026, time.May, 31, 14, 59, 59, 999_999_999, time.UTC) // Sunday, the last day of May
	s.views(1, clock.DayOf(last), 5)
	s.views(2, clock.DayOf(last.Add(1)), 6)
	s.set(last)
	s.runAll()
	for _, kind := range ranking.Kinds() {
		may := ranking.PeriodOf(kind, 20260531)
		if c := s.current(may); c.Complete {
			t.Errorf("%s is complete before its end", may.Key())
		}
		s.set(last.Add(1))
		if got := s.due(kind); !slices.Contains(got, may.Key()) || !slices.Contains(got, may.Next().Key()) {
			t.Errorf("due at midnight: %v", got)
		}
		s.set(last)
	}
	s.set(last.Add(1))
	s.runAll()
	published := s.published()
	for _, kind := range ranking.Kinds() {
		may, june := ranking.PeriodOf(kind, 20260531), ranking.PeriodOf(kind, 20260601)
		if a, b := published[may], published[june]; a[0].ProductID != 1 || b[0].ProductID != 2 || b[0].Counters.Views != 6 {
			t.Errorf("%s: %+v, then %+v", kind, a, b)
		}
		if !s.current(may).Complete || s.current(june).Complete {
			t.Errorf("%s: a period that is over is complete, and only that", kind)
		}
		if slices.Contains(s.due(kind), may.Key()) {
			t.Errorf("%s is due again", may.Key())
		}
	}
}

func TestABackfillComputesWhatOverlapsAndOnlyFailedWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for ago := range 40 {
		s.views(1, today.Add(-ago), 1)
	}
	weeks := func(p job.Parameters) (found []string) {
		p["ranges"] = "1"
		for _, name := range s.run(rollup.WeeklyMonthlyJob, p).Partitions("weekly") {
			key, _, _ := strings.Cut(name, " ")
			found = append(found, key)
		}
		return found
	}
	for _, c := range []struct {
		p    job.Parameters
		want []string
	}{
		{job.Parameters{"date": "2026-03-04"}, []string{"2026-W10"}},
		{job.Parameters{"from": "20260303", "to": "20260309"}, []string{"2026-W11", "2026-W10"}},
		{job.Parameters{"from": "20260301", "only-failed": "true"}, []string{"2026-W12", "2026-W09"}},
		{job.Parameters{"from": "20260301", "only-failed": "true"}, nil}, // the running week has not changed
		{job.Parameters{"from": "20260301", "to": "20260302"}, []string{"2026-W10", "2026-W09"}},
		{job.Parameters{"date": "2026-03-25"}, nil}, // it has not begun
	} {
		if got := weeks(c.p); !slices.Equal(c.want, got) {
			t.Errorf("%v: %v, want %v", c.p, got, c.want)
		}
	}
}

func TestAWeekHas100RanksAndADay10000(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.runAll()
	for kind, want := range map[ranking.Kind]int64{ranking.Daily: 10_000, ranking.Weekly: 100, ranking.Monthly: 100} {
		if got := s.current(ranking.PeriodOf(kind, today)).Limit; got != want {
			t.Errorf("%s: the limit is %d, want %d", kind, got, want)
		}
	}
	for name, want := range map[string]string{rollup.DailyJob: "10000", rollup.WeeklyMonthlyJob: "100"} {
		if !slices.ContainsFunc(s.job(name).Parameters, func(p batch.Parameter) bool { return p.Name == "top" && p.Default == want }) {
			t.Errorf("%s: the default of top is not %s", name, want)
		}
	}
}

// The ids of products for sale are divided into ranges. New products are in the last one.
func TestPartitionsAreRangesOfTheProductsForSale(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.views(2, today, 1)
	s.views(5, today, 1)
	s.views(70, today, 1)
	r := s.run(rollup.WeeklyMonthlyJob, job.Parameters{"date": today.String(), "ranges": "2"})
	want := []string{"2026-W12 part 1/2 of products 1-6, weights 0", "2026-W12 part 2/2 of products 1-6, weights 0"}
	if got := r.Partitions("weekly"); !slices.Equal(want, got) {
		t.Errorf("%q, want %q", got, want)
	}
	if rows := s.published()[ranking.PeriodOf(ranking.Weekly, today)]; len(rows) != 3 {
		t.Errorf("%+v", rows)
	}
}

func TestParametersThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, p := range []job.Parameters{
		{"date": "2026-02-29"}, {"date": "yesterday"}, {"from": "x"}, {"from": "20260301", "to": "20260228"}, {"to": "20260301"},
		{"date": "20260301", "from": "20260301"}, {"ranges": "-1"}, {"ranges": "65"}, {"top": "0"}, {"top": "100001"},
		{"top": "ten"}, {"only-failed": "perhaps"}, {"dry-run": "?"}, {"from": "20260301", "to": "x"},
	} {
		if _, err := s.job(rollup.DailyJob).Plan(p); !errors.Is(err, rollup.ErrParameters) {
			t.Errorf("%v: %v", p, err)
		}
	}
}

func TestADryRunSaysWhatWouldChangeAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for pid, n := range map[int64]int64{1: 10, 2: 9, 3: 8, 4: 7} {
		s.views(pid, today, n)
	}
	p := job.Parameters{"date": today.String(), "top": "3"}
	s.run(rollup.WeeklyMonthlyJob, p)
	before, runs := s.published(), s.runs()
	s.views(4, today, 20)
	s.views(1, today, 1)
	dry := maps.Clone(p)
	dry["dry-run"], dry["ranges"] = "true", "3"
	if r := s.run(rollup.WeeklyMonthlyJob, dry); r.Planned() != 2 {
		t.Errorf("%d parts: the difference of a period is one", r.Planned())
	}
	var got []string
	for _, c := range s.previews["2026-W12"] {
		got = append(got, c.String())
	}
	want := []string{
		"product 4 enters at 1 with 2.7", "product 1 goes from 1 to 2, from 1 to 1.1", "product 2 goes from 2 to 3", "product 3 leaves 3",
	}
	if !slices.Equal(want, got) || len(s.previews["2026-03"]) != 4 {
		t.Errorf("%q, want %q", got, want)
	}
	if !cmp.Equal(before, s.published()) || !cmp.Equal(runs, s.runs()) {
		t.Error("a dry run has published")
	}
	s.nothingLeft()
}

func TestVerifyFindsWhatDiffersAndARunMendsIt(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *env) {
		t.Helper()
		for pid := range int64(5) {
			s.views(pid+1, today.Add(-7), pid+1)
		}
		s.runAll()
		week := ranking.PeriodOf(ranking.Weekly, today.Add(-7))
		verdict := func() (v rollup.Verdict) {
			err := s.service.Verify(t.Context(), ranking.Weekly, week.First, week.Last, func(found rollup.Verdict) error { v = found; return nil })
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if v := verdict(); v.Wrong() || v.Stale || v.Missing {
			t.Errorf("before: %+v", v)
		}
		s.forge(week, 2)
		if v := verdict(); !v.Wrong() || len(v.Changes) != 1 || v.Changes[0].ProductID() != 3 {
			t.Errorf("a forged row: %+v", v)
		}
		s.views(9, today.Add(-7), 50)
		if v := verdict(); v.Wrong() || !v.Stale || len(v.Changes) == 0 {
			t.Errorf("a late event: %+v", v)
		}
		s.runAll()
		if v := verdict(); v.Wrong() || v.Stale || len(v.Changes) != 0 {
			t.Errorf("after: %+v", v)
		}
		err := s.service.Verify(t.Context(), ranking.Monthly, 20250101, today, func(v rollup.Verdict) error {
			if v.Missing || v.Wrong() {
				t.Errorf("%+v", v)
			}
			return errKilled
		})
		if !errors.Is(err, errKilled) {
			t.Errorf("the error of yield: %v", err)
		}
	})
}

func TestStatusTellsAgesAndWhatIsStale(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	status := func() map[ranking.Kind]rollup.Status {
		got, err := s.service.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	s.views(1, today.Add(-7), 1)
	before := status()
	if w := before[ranking.Weekly]; w.Age != 0 || !slices.Equal([]string{"2026-W11"}, keys(w.Stale)) {
		t.Errorf("before: %+v", before)
	}
	if d := before[ranking.Daily]; len(d.Stale) != ranking.Window {
		t.Errorf("%d days are missing", len(d.Stale))
	}
	s.runAll()
	s.set(s.clock().Add(time.Hour))
	want := map[ranking.Kind]rollup.Status{ranking.Daily: {Age: time.Hour}, ranking.Weekly: {Age: time.Hour}, ranking.Monthly: {Age: time.Hour}}
	if got := status(); !cmp.Equal(want, got, cmpopts.EquateEmpty()) {
		t.Error(cmp.Diff(want, got))
	}
}

// The days of an old month have been added to the month. A late event makes its rankings
// stale, but they cannot be computed again: they stay as they were published.
func TestRankingsWhoseCountersAreRolledUpStayAsTheyWerePublished(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *env) {
		t.Helper()
		s.views(1, 20260110, 3)
		s.views(1, today, 1)
		s.runAll()
		before := s.runs()
		err := s.db.Update(t.Context(), func(tx store.Tx) error {
			_, _, err := tx.Months.RollUp(t.Context(), 202601, 0, 100)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.views(2, 20260110, 5)
		s.runAll()
		for p, run := range s.runs() {
			if p.First < 20260201 && before[p] != run {
				t.Errorf("%s was computed again", p.Key())
			}
		}
		missing := job.Parameters{"from": "20260105", "to": "20260120", "only-failed": "true"}
		if r := s.run(rollup.WeeklyMonthlyJob, missing); r.Planned() != 0 {
			t.Errorf("planned: %v, %v", r.Partitions("weekly"), r.Partitions("monthly"))
		}
		for _, date := range []string{"20260110", "20251231", "20260201"} { // the weeks of the last two have days of January
			err = s.begin(rollup.WeeklyMonthlyJob).Do(t.Context(), job.Parameters{"date": date})
			if !errors.Is(err, rollup.ErrRolledUp) {
				t.Errorf("a run for %s, whose days are rolled up: %v", date, err)
			}
		}
		err = s.service.Verify(t.Context(), ranking.Monthly, 20260101, 20260131, func(v rollup.Verdict) error {
			if v.Wrong() || v.Missing || v.Stale {
				t.Errorf("%+v", v)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
