package batch

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

const rebuildJob = "rankingRebuildJob"

// rebuildRankings returns the job that makes the live rankings again, and publishes again
// what differs from the counters. It calls built, if it is not nil, with the number of
// scores of each board.
func rebuildRankings(u wire.Infra, built func(day clock.Day, scores int64)) jobs.Job {
	return jobs.Job{
		Name:        rebuildJob,
		Description: "Rebuilds the live rankings in Redis, and publishes again those that are not as the counters say.",
		Parameters:  scopeParameters(), Fresh: true,
		Plan: func(p job.Parameters) (steps []jobs.Step, err error) {
			scope, err := scopeOf(p)
			if err != nil {
				return nil, err
			}
			if scope.Boards() {
				steps = append(steps, rebuildBoards(u, scope, built))
			}
			if scope.Tables() {
				steps = append(steps, Published(u).Mend(func() (first, last clock.Day) { return scope.TableDays(u.Env.Clock()) })...)
			}
			return steps, nil
		},
	}
}

func rebuildBoards(u wire.Infra, scope Scope, built func(clock.Day, int64)) jobs.Step {
	return jobs.Step{Name: Boards, Task: func(ctx context.Context, _ jobs.Chunk, report func(jobs.Counts) error) error {
		written := map[clock.Day]int64{}
		var refused error
		builder := leaderboard.NewBuilder(u.DB, Board(u), u.Env.Clock, u.Env.IDs().String(), u.Env.Log)
		err := builder.Rebuild(ctx, scope.BoardDays(u.Env.Clock()), func(day clock.Day, n int64) {
			refused = report(jobs.Counts{Read: n - written[day], Written: n - written[day]})
			written[day] = n
		})
		if built != nil {
			for day, n := range written {
				built(day, n)
			}
		}
		return errors.Join(err, refused)
	}}
}

// Rebuilt is what a rebuild has done.
type Rebuilt struct {
	Boards map[clock.Day]int64 // scores
	Tables []RebuiltTable
}

// RebuiltTable is what a rebuild has done with a published ranking.
type RebuiltTable struct {
	Kind   ranking.Kind `json:"kind"`
	Period string       `json:"period"`
	Again  bool         `json:"publishedAgain"` // otherwise it was right
}

// RebuildRankings runs rankingRebuildJob, and shows its progress.
func RebuildRankings(ctx context.Context, u wire.Infra, scope Scope, stderr io.Writer) (done Rebuilt, err error) {
	m, err := silentMetrics()
	if err != nil {
		return done, err
	}
	done.Boards = map[clock.Day]int64{}
	built := func(day clock.Day, scores int64) { done.Boards[day] = scores }
	e, err := newRunner(u, newProgress(stderr, u.Env.Log, u.Env.Clock), hooks{metrics: m, built: built}).Run(ctx, jobs.Request{Job: rebuildJob, Parameters: scope.Parameters(), StartedBy: startedBy(""), Wait: true})
	if err != nil {
		return done, err
	}
	if err := failure(e); err != nil {
		return done, err
	}
	err = u.DB.View(ctx, func(tx store.Tx) error {
		for _, kind := range ranking.Kinds() {
			parts, err := tx.Parts.Of(ctx, e.Run, string(kind))
			if err != nil {
				return err
			}
			done.Tables = append(done.Tables, tablesOf(kind, parts)...)
		}
		return nil
	})
	return done, err
}

// tablesOf returns what was done with the periods of partitions. The name of a partition
// begins with its period.
func tablesOf(kind ranking.Kind, parts []job.Partition) (all []RebuiltTable) {
	for _, p := range parts {
		key, _, _ := strings.Cut(p.Name, " ")
		if n := len(all); n == 0 || all[n-1].Period != key {
			all = append(all, RebuiltTable{Kind: kind, Period: key})
		}
		if p.Skipped == 0 {
			all[len(all)-1].Again = true
		}
	}
	return all
}
