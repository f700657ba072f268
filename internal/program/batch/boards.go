package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

var errDiffers = errors.New("there are differences")

// daysParameter is the number of days of the live rankings that a job is about.
func daysParameter() jobs.Parameter {
	return jobs.Parameter{
		Name: "days", Help: "Number of days, counted back from today: 1 to " + strconv.Itoa(ranking.Kept) + ".", Default: strconv.Itoa(ranking.Kept),
	}
}

func daysOf(p job.Parameters) (int, error) {
	n, err := strconv.Atoi(p["days"])
	if err != nil || n < 1 || n > ranking.Kept {
		return 0, jobs.ErrParameters.Because("days: %q is not a number of days: give 1 to %d", p["days"], ranking.Kept)
	}
	return n, nil
}

// board returns the live rankings. The board logs that the database is read instead; a
// job fails with the error.
func board(u wire.Infra) *redis.Board {
	return redis.NewBoard(u.Redis, u.RedisPrefix, u.Env.Clock, slog.New(slog.DiscardHandler))
}

// verifyRankings returns the job that compares the live rankings with the counters, a
// day in each partition.
func verifyRankings(u wire.Infra, differences prometheus.Gauge) jobs.Job {
	return jobs.Job{
		Name:        "rankingVerifyJob",
		Description: "Compares the live rankings in Redis with the counters in the database. It fails if there is a difference.",
		Parameters:  []jobs.Parameter{daysParameter()},
		Fresh:       true,
		Plan: func(p job.Parameters) ([]jobs.Step, error) {
			n, err := daysOf(p)
			return []jobs.Step{{
				Name: "verify",
				Partitions: func(context.Context, store.DB) (names []string, err error) {
					differences.Set(0)
					today := clock.DayOf(u.Env.Clock())
					for _, day := range today.Add(1 - n).Until(today) {
						names = append(names, day.String())
					}
					return names, nil
				},
				Task: func(ctx context.Context, c jobs.Chunk, report func(jobs.Counts) error) error {
					day, err := clock.ParseDay(c.Partition)
					if err != nil {
						return err
					}
					var read int64
					var refused error
					found, err := leaderboard.NewVerifier(u.DB, board(u), u.Env.Clock, u.Env.Log).
						Verify(ctx, []clock.Day{day}, func(products int64) {
							refused = report(jobs.Counts{Read: products - read})
							read = products
						})
					if err := errors.Join(err, refused); err != nil {
						return err
					}
					differences.Add(float64(len(found.Differences)))
					if len(found.Differences) == 0 {
						return report(jobs.Counts{Read: max(0, found.Compared-read)})
					}
					d := found.Differences[0]
					return fmt.Errorf("%w: %d of %d scores, the first is the %s score of product %d",
						errDiffers, len(found.Differences), found.Compared, d.What, d.ProductID)
				},
			}}, err
		},
	}
}

// rebuildRankings returns the job that makes the live rankings again.
func rebuildRankings(u wire.Infra) jobs.Job {
	return jobs.Job{
		Name: "rankingRebuildJob", Description: "Rebuilds the live rankings in Redis from the database.",
		Parameters: []jobs.Parameter{daysParameter()}, Fresh: true,
		Plan: func(p job.Parameters) ([]jobs.Step, error) {
			n, err := daysOf(p)
			return []jobs.Step{{Name: "rebuild", Task: func(ctx context.Context, _ jobs.Chunk, report func(jobs.Counts) error) error {
				today := clock.DayOf(u.Env.Clock())
				written := map[clock.Day]int64{}
				var refused error
				builder := leaderboard.NewBuilder(u.DB, board(u), u.Env.Clock, u.Env.IDs().String(), u.Env.Log)
				err := builder.Rebuild(ctx, today.Add(1-n).Until(today), func(day clock.Day, n int64) {
					refused = report(jobs.Counts{Read: n - written[day], Written: n - written[day]})
					written[day] = n
				})
				return errors.Join(err, refused)
			}}}, err
		},
	}
}
