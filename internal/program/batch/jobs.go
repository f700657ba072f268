package batch

import (
	"os"
	"strconv"
	"time"

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
		{Name: "idempotencyKeyPurge", Job: "idempotencyKeyPurgeJob", When: jobs.Every(time.Hour)},
		{Name: "handledEventPurge", Job: "handledEventPurgeJob", When: jobs.Every(time.Hour)},
		{Name: "jobHistoryPurge", Job: "jobHistoryPurgeJob", When: jobs.DailyAt(4, 10)},
		{Name: "eventLogPurge", Job: "eventLogPurgeJob", When: jobs.DailyAt(4, 30)},
		{Name: "dailyRanking", Job: rollup.DailyJob, When: jobs.Every(10 * time.Minute)},
		{Name: "weeklyMonthlyRanking", Job: rollup.WeeklyMonthlyJob, When: jobs.Every(10 * time.Minute)},
		{Name: "counterRollup", Job: archive.JobName, When: jobs.DailyAt(4, 20)},
		{Name: "rankingVerify", Job: "rankingVerifyJob", When: jobs.Every(time.Hour), SkipMissed: true},
	}
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
