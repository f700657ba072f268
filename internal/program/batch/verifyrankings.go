package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

var errDiffers = errors.New("there are differences")

// rankingCheck is one run of rankingVerifyJob. All rankings are compared, also if some
// differ; its last step says what was found.
type rankingCheck struct {
	infra       wire.Infra
	scope       Scope
	differences *prometheus.GaugeVec

	mu    sync.Mutex
	found []string
}

// verifyRankings returns the job that compares the rankings with the counters: the live
// ones with a partition for each day, the published ones with one for each kind of period.
func verifyRankings(u wire.Infra, differences *prometheus.GaugeVec) jobs.Job {
	return jobs.Job{
		Name:        "rankingVerifyJob",
		Description: "Compares the live rankings in Redis and the published ones with the counters. It fails if there is a difference.",
		Parameters:  scopeParameters(),
		Fresh:       true,
		Plan: func(p job.Parameters) (steps []jobs.Step, err error) {
			c := &rankingCheck{infra: u, differences: differences}
			if c.scope, err = scopeOf(p); err != nil {
				return nil, err
			}
			if c.scope.Boards() {
				steps = append(steps, jobs.Step{Name: Boards, Partitions: c.days, Task: c.board})
			}
			if c.scope.Tables() {
				steps = append(steps, jobs.Step{Name: Tables, Partitions: c.kinds, Task: c.tables})
			}
			return append(steps, jobs.Step{Name: "verdict", Task: c.verdict}), nil
		},
	}
}

// note remembers that something differs.
func (c *rankingCheck) note(where string, differences int, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = append(c.found, fmt.Sprintf(format, args...))
	c.differences.WithLabelValues(where).Add(float64(differences))
}

func (c *rankingCheck) days(context.Context, store.DB) (names []string, err error) {
	c.differences.WithLabelValues(Boards).Set(0)
	for _, day := range c.scope.BoardDays(c.infra.Env.Clock()) {
		names = append(names, day.String())
	}
	return names, nil
}

// board compares the live ranking of a day.
func (c *rankingCheck) board(ctx context.Context, part jobs.Chunk, report func(jobs.Counts) error) error {
	day, err := clock.ParseDay(part.Partition)
	if err != nil {
		return err
	}
	var read int64
	var refused error
	u, ranked := c.infra, Board(c.infra)
	found, err := leaderboard.NewVerifier(u.DB, ranked, u.Env.Clock, u.Env.Log).CheckMarks(ranked).Verify(ctx, []clock.Day{day}, func(products int64) {
		refused = report(jobs.Counts{Read: products - read})
		read = products
	})
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	if n := len(found.Differences); n > 0 {
		d := found.Differences[0]
		if d.ProductID == 0 {
			c.note(Boards, n, "the board of %s: %s, so readers do not use it", day, d.What)
			return report(jobs.Counts{Read: max(0, found.Compared-read)})
		}
		c.note(Boards, n, "the board of %s: %d of %d scores, the first is the %s score of product %d", day, n, found.Compared, d.What, d.ProductID)
	}
	return report(jobs.Counts{Read: max(0, found.Compared-read)})
}

func (c *rankingCheck) kinds(context.Context, store.DB) (names []string, err error) {
	c.differences.WithLabelValues(Tables).Set(0)
	for _, kind := range ranking.Kinds() {
		names = append(names, string(kind))
	}
	return names, nil
}

// tables compares the published rankings of a kind.
func (c *rankingCheck) tables(ctx context.Context, part jobs.Chunk, report func(jobs.Counts) error) error {
	first, last := c.scope.TableDays(c.infra.Env.Clock())
	return Published(c.infra).Verify(ctx, ranking.Kind(part.Partition), first, last, func(v rollup.Verdict) error {
		if v.Wrong() {
			c.note(Tables, max(1, len(v.Changes)), "the %s table of %s: %s", v.Period.Kind, v.Period.Key(), firstOf(v))
		}
		return report(jobs.Counts{Read: v.Rows})
	})
}

// firstOf describes the differences of a published ranking.
func firstOf(v rollup.Verdict) string {
	if len(v.Changes) == 0 {
		return fmt.Sprintf("it says that it has %d rows, and has %d", v.Named, v.Rows)
	}
	return fmt.Sprintf("%d rows, the first is that of product %d", len(v.Changes), v.Changes[0].ProductID())
}

// verdict fails if something was found.
func (c *rankingCheck) verdict(context.Context, jobs.Chunk, func(jobs.Counts) error) error {
	if len(c.found) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", errDiffers, strings.Join(c.found, "; "))
}
