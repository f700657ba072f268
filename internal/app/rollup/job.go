package rollup

import (
	"context"
	"fmt"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// The names of the jobs.
const (
	DailyJob         = "dailyRankingJob"
	WeeklyMonthlyJob = "weeklyMonthlyRankingJob"
)

// Jobs returns the jobs that publish rankings. Without a date, they publish what is due,
// so they can run every hour.
func (s *Service) Jobs() []batch.Job {
	return []batch.Job{
		s.job(DailyJob, "Publishes the rankings of days: those that are missing or stale, and today's.", ranking.Daily),
		s.job(WeeklyMonthlyJob, "Publishes the rankings of weeks and months: those that are missing or stale, and the running ones.",
			ranking.Weekly, ranking.Monthly),
	}
}

// job returns a job with a step for each kind of period.
func (s *Service) job(name, description string, kinds ...ranking.Kind) batch.Job {
	return batch.Job{
		Name: name, Description: description, Parameters: parameters(topOf(kinds[0])),
		Plan: func(p job.Parameters) ([]batch.Step, error) {
			o, err := parse(p, topOf(kinds[0]))
			if err != nil {
				return nil, err
			}
			var steps []batch.Step
			for _, kind := range kinds {
				steps = append(steps, s.step(kind, o))
			}
			return steps, nil
		},
	}
}

// step computes the rankings of a kind. Its partitions are the ranges of products of each
// period. The partition of a period that ends last publishes it, with its own end.
func (s *Service) step(kind ranking.Kind, o options) batch.Step {
	return batch.Step{
		Name: string(kind),
		Partitions: func(ctx context.Context, db store.DB) (names []string, err error) {
			err = db.Snapshot(ctx, func(tx store.Tx) error {
				names, err = s.partitions(ctx, tx, kind, o)
				return err
			})
			return names, err
		},
		Chunk: func(ctx context.Context, tx store.Tx, c batch.Chunk) (batch.Progress, error) {
			p, err := parsePart(kind, c.Partition)
			if err != nil {
				return batch.Progress{}, err
			}
			switch {
			case o.dryRun:
				return s.preview(ctx, tx, p, o.top)
			case o.days != nil:
				return s.mend(ctx, tx, p, o.top, c)
			default:
				return s.chunk(ctx, tx, p, o.top, c)
			}
		},
	}
}

// partitions returns the names of the partitions of a step. The latest periods come
// first: they are what most readers read.
func (s *Service) partitions(ctx context.Context, tx store.Tx, kind ranking.Kind, o options) (names []string, err error) {
	b, err := s.book(ctx, tx)
	if err != nil {
		return nil, err
	}
	periods, err := s.choose(ctx, tx, b, kind, o)
	if err != nil {
		return nil, err
	}
	newest, err := newestProduct(ctx, tx)
	if err != nil {
		return nil, err
	}
	n := o.count(newest)
	if o.dryRun {
		n = 1
	}
	for _, period := range slices.Backward(periods) {
		for i := range n {
			names = append(names, part{period, i + 1, n, newest, b.schedule.Latest().ID}.String())
		}
	}
	return names, nil
}

// choose returns the periods that a run computes, oldest first.
func (s *Service) choose(ctx context.Context, tx store.Tx, b book, kind ranking.Kind, o options) ([]ranking.Period, error) {
	switch {
	case o.days != nil:
		o.first, o.last = o.days()
		return o.selection(kind, b.today), nil
	case o.first == 0:
		return due(ctx, tx, b, kind)
	}
	periods := o.selection(kind, b.today)
	if !o.onlyDue {
		return periods, b.demandKnown(periods)
	}
	published, err := publications(ctx, tx, kind)
	return slices.DeleteFunc(periods, func(p ranking.Period) bool {
		found, there := published[p]
		return !b.known(p) || there && b.fresh(found)
	}), err
}

// ErrRolledUp is returned for a period that cannot be computed again.
var ErrRolledUp = fault.New(fault.Conflict, "COUNTERS_ROLLED_UP",
	"the daily counters of the period have been added to those of their months: its ranking stays as it was published")

// demandKnown returns ErrRolledUp if the counters of one of the periods are not kept.
func (b book) demandKnown(periods []ranking.Period) error {
	for _, p := range periods {
		if !b.known(p) {
			return ErrRolledUp.Because("the daily counters of %s have been added to those of their months: its ranking stays as it was published", p.Key())
		}
	}
	return nil
}

// newestProduct returns the highest id of a product that is for sale; 0 if there is none.
func newestProduct(ctx context.Context, tx store.Tx) (int64, error) {
	found, err := tx.Products.List(ctx, product.Query{Sort: product.Latest}, 1)
	if err != nil {
		return 0, fmt.Errorf("the newest product: %w", err)
	}
	if len(found) == 0 {
		return 0, nil
	}
	return found[0].ID, nil
}

// chunk does a range of products of a period. The range is read in one statement: each
// statement reads the pages of all days of the period.
func (s *Service) chunk(ctx context.Context, tx store.Tx, p part, top int64, c batch.Chunk) (batch.Progress, error) {
	done := batch.Progress{Done: true}
	schedule, err := s.scheduleOf(ctx, tx, p)
	if err != nil {
		return done, err
	}
	first, last := p.period.Counted()
	changes, err := tx.Metrics.Changes(ctx, first, last) // before the counters: they may be newer, never older
	if err != nil {
		return done, fmt.Errorf("changes of %s: %w", p.period.Key(), err)
	}
	rows, read, err := tx.Rollup.Best(ctx, p.period, schedule, p.products(), top)
	if err != nil {
		return done, fmt.Errorf("best products of %s: %w", p, err)
	}
	done.Read, done.Written = read, int64(len(rows))
	work := ranking.Work{Run: c.Run, Period: p.period}
	tx.Rollup.Keep(work, rows)
	sum, err := tx.Rollup.Finish(ctx, work, ranking.Part{Done: 1, Changes: changes.Sum(first, last), Candidates: int64(len(rows))})
	if err != nil || sum.Done < int64(p.of) {
		return done, err
	}
	return done, s.publish(ctx, tx, work, sum, top, schedule, c)
}

// scheduleOf returns the schedule that a partition was planned with, so that all parts of
// a period have the same.
func (s *Service) scheduleOf(ctx context.Context, tx store.Tx, p part) (ranking.Schedule, error) {
	schedule, err := s.config.Schedules(ctx, tx)
	if err != nil {
		return schedule, fmt.Errorf("weights of %s: %w", p.period.Key(), err)
	}
	return schedule.UpTo(p.weights), nil
}

// publish makes the candidates of all ranges a ranking, and switches readers to it.
func (s *Service) publish(ctx context.Context, tx store.Tx, w ranking.Work, sum ranking.Part, top int64, schedule ranking.Schedule, c batch.Chunk) error {
	publication := ranking.Publication{
		Period: w.Period, Run: s.config.IDs(), AsOf: c.At, Complete: !c.At.Before(w.Period.End()),
		Changes: sum.Changes, Weights: schedule.Fingerprint(w.Period), Limit: top,
	}
	var err error
	if publication.Rows, err = tx.Rollup.Settle(ctx, w, publication.Run, top, sum.Candidates); err != nil {
		return fmt.Errorf("publish %s: %w", w.Period.Key(), err)
	}
	tx.Published.Publish(publication)
	return nil
}
