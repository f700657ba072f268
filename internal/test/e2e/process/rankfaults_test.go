package process_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// eachStep runs a test for each step of the job: the job stops at a barrier in its middle.
// The counters are those of version 2, and version 1 is published. Readers read meanwhile.
func eachStep(t *testing.T, test func(t *testing.T, r *rankTest, b *barrier)) {
	t.Helper()
	for step, period := range map[string]string{"weekly": rankedWeek, "monthly": rankedMonth} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			r := newRankTest(t)
			stop := r.readAll(nil)
			r.count(2)
			test(t, r, r.bar(period))
			r.checkCounts(step)
			r.checkContents(2)
			stop()
		})
	}
}

// checkCounts demands that the run of two executions, of which the first has died in a
// step, has done each partition once, and the second only those that were open.
func (r *rankTest) checkCounts(step string) {
	r.Helper()
	const latest = `(SELECT run_id FROM job_executions ORDER BY created_us DESC LIMIT 1)`
	executions := r.db.Column(r.Context(), `SELECT exit_code FROM job_executions WHERE run_id = `+latest+` ORDER BY created_us`)
	if strings.Join(executions, " ") != "DIED COMPLETED" {
		r.Errorf("the executions of the run have ended with %v", executions)
	}
	got := r.db.Column(r.Context(), `
		SELECT concat_ws(' ', s.step, 'execution', e.nth, 'counted', s.items_read,
			'of its', COUNT(p.name), 'partitions', COALESCE(SUM(p.items_read), 0))
		FROM (SELECT id, row_number() OVER (ORDER BY created_us) AS nth FROM job_executions WHERE run_id = `+latest+`) e
		JOIN job_steps s ON s.execution_id = e.id
		LEFT JOIN job_partitions p ON p.execution_id = e.id AND p.step = s.step AND p.status = 'COMPLETED'
		GROUP BY s.step, e.nth, s.items_read ORDER BY e.nth, s.step DESC`)
	want := map[string][]string{ // a week has 40 products of 7 days; the barrier is before the last range of the fifth week, or of the second month
		"weekly": {
			"weekly execution 1 counted 1316 of its 14 partitions 1316",
			"weekly execution 2 counted 1204 of its 13 partitions 1204", "monthly execution 2 counted 2520 of its 9 partitions 2520",
		},
		"monthly": {
			"weekly execution 1 counted 2520 of its 27 partitions 2520", "monthly execution 1 counted 908 of its 5 partitions 908",
			"weekly execution 2 counted 0 of its 0 partitions 0", "monthly execution 2 counted 1612 of its 4 partitions 1612",
		},
	}[step]
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		r.Errorf("the counts are\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheRankingJobThatIsKilledInAnyStepPublishesTheSameLater(t *testing.T) {
	t.Parallel()
	eachStep(t, func(t *testing.T, r *rankTest, b *barrier) {
		t.Helper()
		job := r.begin()
		b.await()
		kill(t, job)
		b.open()
		r.publish()
	})
}

// The frozen process has done all of a chunk but its commit.
func TestTheRankingJobThatIsFrozenInAnyStepPublishesNothingAfterItsSuccessor(t *testing.T) {
	t.Parallel()
	eachStep(t, func(t *testing.T, r *rankTest, b *barrier) {
		t.Helper()
		frozen := r.begin()
		b.await()
		if err := frozen.Freeze(); err != nil {
			t.Fatal(err)
		}
		b.open()
		r.publish()
		if err := frozen.Thaw(); err != nil {
			t.Fatal(err)
		}
		if code := frozen.Wait(time.Minute); code != 1 || !strings.Contains(frozen.Output(), "another process has taken over") {
			t.Errorf("the frozen process ends with %d\n%s", code, frozen.Output())
		}
	})
}

// scheduler starts a scheduler that runs the job every two seconds.
func (r *rankTest) scheduler() *cluster.Service {
	r.Helper()
	off := []string{"idempotencyKeyPurge", "handledEventPurge", "jobHistoryPurge", "dailyRanking", "counterRollup", "rankingVerify"}
	s := programs.NewService(r.T, "commerce-batch", "scheduler", append([]string{
		"SCHEDULES=weeklyMonthlyRanking=every 2s;" + strings.Join(off, "=off;") + "=off",
	}, r.env...)...)
	s.Args = []string{"schedule"}
	s.Launch(r.Context())
	return s
}

// Of two schedulers, the one that runs the job is killed in the middle. The other one goes
// on with its run.
func TestTwoSchedulersRunTheRankingJobOnceAndOneGoesOnForTheOther(t *testing.T) {
	t.Parallel()
	r := newRankTest(t)
	stop := r.readAll(nil)
	r.count(2)
	b := r.bar(rankedWeek)
	one, other := r.scheduler(), r.scheduler()
	b.await()
	const working = `SELECT host FROM job_executions WHERE ended_us IS NULL`
	host := r.db.Column(t.Context(), working)
	if len(host) != 1 {
		t.Fatalf("the job runs on %v", host)
	}
	if strings.HasSuffix(host[0], fmt.Sprintf("(process %d)", other.PID())) {
		one, other = other, one
	}
	kill(t, one.Program)
	b.open()
	cluster.Eventually(t, time.Minute, "the run of the killed scheduler is completed", func() error {
		if n := r.db.Count(t.Context(), `
			SELECT COUNT(*) FROM job_executions died JOIN job_executions e ON e.run_id = died.run_id
			WHERE died.exit_code = 'DIED' AND e.status = 'COMPLETED'`); n != 1 {
			return errors.New("it is not")
		}
		return nil
	})
	other.Stop()
	if n := r.db.Count(t.Context(), `
		SELECT COUNT(*) FROM job_executions a JOIN job_executions b ON a.id < b.id WHERE b.created_us < a.ended_us`); n > 0 {
		t.Errorf("%d executions have begun while another one was running", n)
	}
	r.checkContents(2)
	stop()
}
