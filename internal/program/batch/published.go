package batch

import (
	"context"
	"sync"

	"github.com/loopers-commerce/commerce/internal/adapter/parquet"
	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Published returns what publishes the rankings of days, weeks and months.
func Published(u wire.Infra) *rollup.Service { return published(u, nil) }

// published returns a service that calls preview in dry runs.
func published(u wire.Infra, preview func(context.Context, ranking.Period, []rollup.Change)) *rollup.Service {
	return rollup.New(rollup.Config{
		DB: u.DB, IDs: u.Env.IDs, Clock: u.Env.Clock, Log: u.Env.Log, Preview: preview,
		Schedules: func(ctx context.Context, tx store.Tx) (ranking.Schedule, error) {
			return ranking.ReadSchedule(ctx, tx.Weights)
		},
	})
}

// exportDays returns the job that writes closed days into files. A folder is open once at
// a time: days that are worked on at the same time take turns.
func exportDays(u wire.Infra) jobs.Job {
	var turn sync.Mutex
	return export.Job(export.Deps{DB: u.DB, Now: u.Env.Clock, Open: func(path string) (export.Folder, func() error, error) {
		turn.Lock()
		folder, err := parquet.Open(path)
		if err != nil {
			turn.Unlock()
			return nil, nil, err
		}
		return folder, func() error {
			defer turn.Unlock()
			return folder.Close()
		}, nil
	}})
}
