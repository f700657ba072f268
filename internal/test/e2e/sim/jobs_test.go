//go:build synctests

package sim_test

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/program/batch"
)

// publishEvery is how often the rankings are published: often, so that faults hit jobs.
const publishEvery = 20 * time.Second

// publishing returns the due times of the jobs that publish rankings. The others run as in
// production.
func publishing() map[string]batch.Rule {
	often := jobs.Every(publishEvery)
	return map[string]batch.Rule{"dailyRanking": {When: &often}, "weeklyMonthlyRanking": {When: &often}}
}

// slowed returns the database as jobs have it: some of their transactions wait before they
// begin. Otherwise a job would take no time, and no fault would hit it.
func (sim *simulation) slowed(db *sqlstore.DB) *sqlstore.DB {
	return db.Through(func(e sqlstore.Engine) sqlstore.Engine { return slowEngine{e, sim.jobs} })
}

type slowEngine struct {
	sqlstore.Engine

	rng *rng
}

// Begin implements sqlstore.Engine.
func (e slowEngine) Begin(ctx context.Context, mode sqlstore.Mode, l sqlstore.Limits) (sqlstore.Conn, error) {
	if e.rng.chance(0.25) {
		backoff.Wait(ctx, e.rng.between(0, time.Second))
	}
	return e.Engine.Begin(ctx, mode, l)
}

// endsOfJobs returns how often executions of jobs have ended with each exit code.
func (sim *simulation) endsOfJobs() []string {
	db := sim.openRaw()
	defer db.Close()
	return column(sim.t, db, `SELECT exit_code || ' ' || COUNT(*) FROM job_executions WHERE ended_us IS NOT NULL GROUP BY exit_code`)
}
