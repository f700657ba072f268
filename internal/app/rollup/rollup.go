// Package rollup computes the rankings of days, weeks and months from the counters, and
// publishes them in tables. It decides which are due, compares what is published with
// the counters, and defines the jobs that keep both the same.
package rollup

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Schedules reads the schedule of the weights in a transaction.
type Schedules func(ctx context.Context, tx store.Tx) (ranking.Schedule, error)

// DefaultWeights is the schedule in which nobody has changed the weights.
func DefaultWeights(context.Context, store.Tx) (ranking.Schedule, error) {
	return ranking.NewSchedule(), nil
}

// Config are the dependencies of a Service.
type Config struct {
	DB        store.DB
	Schedules Schedules // nil: DefaultWeights
	IDs       id.Source // for the runs of publications
	Clock     clock.Clock
	Log       *slog.Logger
	// Preview is called by dry runs with the difference that a period would make.
	// Nil: it is logged.
	Preview func(ctx context.Context, p ranking.Period, changes []Change)
}

// Service computes and publishes rankings. It is safe for concurrent use.
type Service struct{ config Config }

// New returns a service.
func New(c Config) *Service {
	s := &Service{config: c}
	if c.Schedules == nil {
		s.config.Schedules = DefaultWeights
	}
	if c.Preview == nil {
		s.config.Preview = s.logPreview
	}
	return s
}

// The numbers of ranks that are kept.
const (
	DailyTop    = 10_000
	PeriodTop   = 100
	mostRanks   = 100_000
	productsFew = 500_000 // in a range of products, unless the number of ranges is given: see sqlstore.bestSQL
	mostRanges  = 64
)

// topOf returns the number of ranks that are kept of a kind, unless it is given.
func topOf(kind ranking.Kind) int64 {
	if kind == ranking.Daily {
		return DailyTop
	}
	return PeriodTop
}

// book is what decides which rankings are due, as it is at one moment.
type book struct {
	schedule ranking.Schedule
	changes  metric.Changes
	today    clock.Day
	rolledUp map[metric.Month]bool // whose daily counters are no longer kept
}

// Days of all events that there can be.
const (
	firstDay = clock.FirstDay
	lastDay  = clock.LastDay
)

func (s *Service) book(ctx context.Context, tx store.Tx) (b book, err error) {
	b.today = clock.DayOf(s.config.Clock())
	if b.changes, err = tx.Metrics.Changes(ctx, firstDay, lastDay); err == nil {
		b.schedule, err = s.config.Schedules(ctx, tx)
	}
	if err == nil {
		b.rolledUp, err = rolledUp(ctx, tx, b.changes)
	}
	if err != nil {
		err = fmt.Errorf("which rankings are due: %w", err)
	}
	return b, err
}

// rolledUp returns the months whose days are no longer kept.
func rolledUp(ctx context.Context, tx store.Tx, changes metric.Changes) (map[metric.Month]bool, error) {
	months := map[metric.Month]bool{}
	for day := range changes {
		months[metric.MonthOf(day)] = false
	}
	for m := range months {
		has, err := tx.Months.Has(ctx, m)
		if err != nil {
			return nil, err
		}
		months[m] = has
	}
	return months, nil
}

// known reports whether the counters of all days of the period are kept. Otherwise its
// ranking stays as it was published.
func (b book) known(p ranking.Period) bool {
	first, last := p.Counted()
	return !b.rolledUp[metric.MonthOf(first)] && !b.rolledUp[metric.MonthOf(last)]
}

// over reports whether a period has ended.
func (b book) over(p ranking.Period) bool { return p.Last < b.today }

// fresh reports whether a new publication would be the same.
func (b book) fresh(p ranking.Publication) bool {
	return !p.Stale(b.changes, b.schedule) && p.Complete == b.over(p.Period)
}

// periods returns the periods of a kind that have begun and have counters, and the
// running one, oldest first.
func (b book) periods(kind ranking.Kind) []ranking.Period {
	starts := map[clock.Day]bool{b.today: true}
	for day := range b.changes {
		starts[day] = true
		if kind == ranking.Daily {
			for _, later := range day.Until(day.Add(ranking.Window)) {
				starts[later] = true
			}
		}
	}
	found := map[ranking.Period]bool{}
	for day := range starts {
		if p := ranking.PeriodOf(kind, day); p.First <= b.today && b.known(p) {
			found[p] = true
		}
	}
	return sorted(found)
}

func sorted(set map[ranking.Period]bool) (all []ranking.Period) {
	for p := range set {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b ranking.Period) int { return int(a.First - b.First) })
	return all
}

// Due returns the periods of a kind that must be computed now, oldest first: those that
// are missing or stale, and the running one. The reads of tx should see the same commits.
func (s *Service) Due(ctx context.Context, tx store.Tx, kind ranking.Kind) ([]ranking.Period, error) {
	b, err := s.book(ctx, tx)
	if err != nil {
		return nil, err
	}
	return due(ctx, tx, b, kind)
}

func due(ctx context.Context, tx store.Tx, b book, kind ranking.Kind) ([]ranking.Period, error) {
	published, err := publications(ctx, tx, kind)
	if err != nil {
		return nil, err
	}
	set := map[ranking.Period]bool{}
	for _, p := range b.periods(kind) {
		if found, there := published[p]; !there || !b.over(p) || !b.fresh(found) {
			set[p] = true
		}
	}
	for p, found := range published {
		if !b.fresh(found) && b.known(p) {
			set[p] = true
		}
	}
	return sorted(set), nil
}

func publications(ctx context.Context, tx store.Tx, kind ranking.Kind) (map[ranking.Period]ranking.Publication, error) {
	all, err := tx.Published.Currents(ctx, kind, firstDay, lastDay)
	if err != nil {
		return nil, fmt.Errorf("the published rankings: %w", err)
	}
	byPeriod := make(map[ranking.Period]ranking.Publication, len(all))
	for _, p := range all {
		byPeriod[p.Period] = p
	}
	return byPeriod, nil
}
