package scoring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Explained is the explanation of a score by the counters of now, with the rank of the
// product.
type Explained struct {
	ranking.Explanation

	// Live is the rank in the live ranking of the day; nil if the product has none there,
	// if the period has no live ranking, or if that cannot be read.
	Live *int64
	// Published is the place in the published ranking; nil if the period has none.
	Published *Published
}

// Rank returns the live rank or, without one, the published rank; nil: there is none.
func (e Explained) Rank() *int64 {
	if e.Live == nil && e.Published != nil {
		return e.Published.Rank
	}
	return e.Live
}

// Published is the place of a product in a published ranking.
type Published struct {
	AsOf     time.Time
	Complete bool
	// Stale reports whether counters or weights that have a part in the ranking have
	// changed since. Otherwise its score is the one that is explained.
	Stale bool
	// Rank and Score are nil if the product is not among the ranks that are kept.
	Rank  *int64
	Score *ranking.Points
}

// Explain explains the score of a product in the period of a kind that a day is in. It
// reads at most one row for each day of the period. It returns product.ErrNotFound for a
// product that does not exist, ranking.ErrDate for a day in the future, and
// ranking.ErrNotKept for a period whose daily counters are no longer kept.
func (s *Service) Explain(ctx context.Context, kind ranking.Kind, day clock.Day, productID int64) (e Explained, err error) {
	today := clock.DayOf(s.now())
	if day > today {
		return e, ranking.ErrDate.Because("%s is in the future", day)
	}
	period := ranking.PeriodOf(kind, day)
	err = s.db.Snapshot(ctx, func(tx store.Tx) (err error) {
		e, err = explain(ctx, tx, period, today, productID)
		return err
	})
	if err != nil {
		return e, fmt.Errorf("explain the score of product %d: %w", productID, err)
	}
	e.Live = s.rank(ctx, period, productID)
	return e, nil
}

// explain reads all that the database knows about a score. All reads see the same commits.
func explain(ctx context.Context, tx store.Tx, p ranking.Period, today clock.Day, productID int64) (e Explained, err error) {
	var schedule ranking.Schedule
	var rows []metric.Counters
	first, last := p.Counted()
	for _, read := range []func() error{
		func() error { _, err := tx.Products.Get(ctx, productID); return err },
		func() error { return ranking.CheckKept(ctx, tx.Months, p) },
		func() (err error) { schedule, err = ranking.ReadSchedule(ctx, tx.Weights); return err },
		func() (err error) { rows, err = tx.Metrics.Of(ctx, []int64{productID}, first, last); return err },
		func() (err error) { e.Published, err = published(ctx, tx, schedule, p, productID); return err },
	} {
		if err := read(); err != nil {
			return e, err
		}
	}
	e.Explanation = schedule.Explain(p, today, productID, rows)
	return e, nil
}

// published returns the place of a product in the ranking that readers see, or nil if there
// is none.
func published(ctx context.Context, tx store.Tx, s ranking.Schedule, p ranking.Period, productID int64) (*Published, error) {
	current, err := tx.Published.Current(ctx, p)
	if errors.Is(err, ranking.ErrNotPublished) {
		return nil, nil //nolint:nilnil // none is not an error here
	}
	if err != nil {
		return nil, err
	}
	first, last := p.Counted()
	changes, err := tx.Metrics.Changes(ctx, first, last)
	if err != nil {
		return nil, err
	}
	found := &Published{AsOf: current.AsOf, Complete: current.Complete, Stale: current.Stale(changes, s)}
	err = found.locate(ctx, tx.Published, current.Run, productID)
	return found, err
}

// locate reads the rank and the score.
func (p *Published) locate(ctx context.Context, t ranking.PublishedTable, run id.ID, productID int64) error {
	ranks, err := t.Ranks(ctx, run, []int64{productID})
	rank, ranked := ranks[productID]
	if err != nil || !ranked {
		return err
	}
	rows, err := t.Rows(ctx, run, rank-1, 1)
	if err == nil && len(rows) == 1 {
		p.Rank, p.Score = &rank, &rows[0].Score
	}
	return err
}

// rank returns the rank of the product in a live ranking.
func (s *Service) rank(ctx context.Context, p ranking.Period, productID int64) *int64 {
	if p.Kind != ranking.Daily || !s.now().Before(ranking.Expiry(p.First)) {
		return nil
	}
	rank, err := s.ranks.Rank(ctx, p.First, productID)
	if err != nil {
		s.log.DebugContext(ctx, "the rank cannot be read", "day", p.First, "product", productID, "error", err)
	}
	return rank
}
