package batch

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/archive"
	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// definitions returns all jobs. A job of another package is added here, and its
// schedule to schedules.
func definitions(u wire.Infra, h hooks) []jobs.Job {
	all := append(housekeeping.Jobs(), published(u, h.preview).Jobs()...)
	desk, _ := u.Desk() // connections end with the process
	all = append(all, desk.Jobs()...)
	return append(all, archive.Job(u.Env.Clock), exportDays(u), verifyRankings(u, h.metrics.differences),
		rebuildRankings(u, h.built), verifyAll(u), replayInvoices(u))
}

// hooks are what jobs call beside their work.
type hooks struct {
	metrics *metrics
	preview func(ctx context.Context, p ranking.Period, changes []rollup.Change) // of dry runs; nil: they are logged
	built   func(day clock.Day, scores int64)                                    // of boards that were built; may be nil
}

// schedules returns when which job is run, unless the configuration says otherwise.
// The times are those of Asia/Seoul.
func schedules() []jobs.Schedule {
	return []jobs.Schedule{
		{Name: "idempotencyKeyPurge", Job: "idempotencyKeyPurgeJob", When: jobs.Every(time.Hour)},
		{Name: "handledEventPurge", Job: "handledEventPurgeJob", When: jobs.Every(time.Hour)},
		{Name: "jobHistoryPurge", Job: "jobHistoryPurgeJob", When: jobs.DailyAt(4, 10)},
		{Name: "rankingPublicationPurge", Job: "rankingPublicationPurgeJob", When: jobs.Every(time.Hour)},
		{Name: "eventLogPurge", Job: "eventLogPurgeJob", When: jobs.DailyAt(4, 30), Retry: 30 * time.Minute, Attempts: 6}, // a backup may hold it up
		{Name: "dailyRanking", Job: rollup.DailyJob, When: jobs.Every(10 * time.Minute)},
		{Name: "weeklyMonthlyRanking", Job: rollup.WeeklyMonthlyJob, When: jobs.Every(10 * time.Minute)},
		{Name: "deadLetterPurge", Job: "deadLetterPurgeJob", When: jobs.DailyAt(4, 30)},
		{Name: "counterRollup", Job: archive.JobName, When: jobs.DailyAt(4, 20)},
		{Name: "rankingVerify", Job: "rankingVerifyJob", When: jobs.Every(time.Hour), SkipMissed: true},
	}
}

// newRunner returns a runner of all jobs.
func newRunner(u wire.Infra, observer jobs.Observer, h hooks) *jobs.Runner {
	return u.Runner(definitions(u, h), observer)
}
