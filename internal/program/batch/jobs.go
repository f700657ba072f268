package batch

import (
	"os"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/app/archive"
	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// definitions returns all jobs. A job of another package is added here, and its
// schedule to schedules.
func definitions(u wire.Infra, m *metrics) []jobs.Job {
	all := append(housekeeping.Jobs(), published(u).Jobs()...)
	return append(all, archive.Job(u.Env.Clock), exportDays(u), verifyRankings(u, m.differences), rebuildRankings(u), verifyAll(u))
}

// schedules returns when which job is run, unless the configuration says otherwise.
// The times are those of Asia/Seoul.
func schedules() []jobs.Schedule {
	return []jobs.Schedule{
		{Name: "idempotencyKeyPurge", Job: "idempotencyKeyPurgeJob", When: when("every 1h")},
		{Name: "handledEventPurge", Job: "handledEventPurgeJob", When: when("every 1h")},
		{Name: "jobHistoryPurge", Job: "jobHistoryPurgeJob", When: when("daily at 04:10")},
		{Name: "dailyRanking", Job: rollup.DailyJob, When: when("every 10m")},
		{Name: "weeklyMonthlyRanking", Job: rollup.WeeklyMonthlyJob, When: when("every 10m")},
		{Name: "counterRollup", Job: archive.JobName, When: when("daily at 04:20")},
		{Name: "rankingVerify", Job: "rankingVerifyJob", When: when("every 1h"), SkipMissed: true},
	}
}

// when parses a rule that is written in the program.
func when(rule string) jobs.When {
	w, err := jobs.ParseWhen(rule)
	if err != nil {
		panic(err) //nolint:forbidigo // a test reads all rules
	}
	return w
}

// newRunner returns a runner of all jobs for a program that has metrics.
func newRunner(u wire.Infra, observer jobs.Observer, m *metrics) *jobs.Runner {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return jobs.New(jobs.Config{
		DB: u.DB, Jobs: definitions(u, m), Holder: u.Env.Instance, Host: host + " (process " + strconv.Itoa(os.Getpid()) + ")",
		Clock: u.Env.Clock, IDs: u.Env.IDs, Random: u.Env.Random, Log: u.Env.Log, Observer: observer,
	})
}
