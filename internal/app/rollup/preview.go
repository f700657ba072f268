package rollup

import (
	"context"
	"errors"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Change is a difference between a published ranking and a new one. A product that enters
// has no row before, and one that leaves has none after: their ranks are 0.
type Change struct{ Before, After ranking.Row }

// ProductID returns the product.
func (c Change) ProductID() int64 { return max(c.Before.ProductID, c.After.ProductID) }

// Entered reports whether the product is new in the ranking.
func (c Change) Entered() bool { return c.Before.Rank == 0 }

// Left reports whether the product is no longer in the ranking.
func (c Change) Left() bool { return c.After.Rank == 0 }

// Moved returns by how many ranks the product has risen; it has fallen if it is negative.
func (c Change) Moved() int64 {
	if c.Entered() || c.Left() {
		return 0
	}
	return c.Before.Rank - c.After.Rank
}

// Field is a value of a row before and after; nil where there is no row.
type Field struct {
	Name          string
	Before, After *int64
}

// Fields returns the values that the change changes. Of a product that enters or leaves,
// they are its rank and its score.
func (c Change) Fields() (all []Field) {
	before, after := values(c.Before), values(c.After)
	for i, name := range []string{"rank", "score", "views", "likes", "orders", "quantity", "amount", "amount log"} {
		f := Field{name, &before[i], &after[i]}
		switch {
		case (c.Entered() || c.Left()) && i > 1:
			continue
		case c.Entered():
			f.Before = nil
		case c.Left():
			f.After = nil
		case before[i] == after[i]:
			continue
		}
		all = append(all, f)
	}
	return all
}

func values(r ranking.Row) [8]int64 {
	c := r.Counters
	return [8]int64{r.Rank, int64(r.Score), c.Views, c.Likes, c.Orders, c.Quantity, int64(c.Amount), c.AmountLog}
}

// String returns the change in words.
func (c Change) String() string {
	score := ""
	if c.Before.Score != c.After.Score {
		score = fmt.Sprintf(", from %s to %s", c.Before.Score, c.After.Score)
	}
	switch {
	case c.Entered():
		return fmt.Sprintf("product %d enters at %d with %s", c.ProductID(), c.After.Rank, c.After.Score)
	case c.Left():
		return fmt.Sprintf("product %d leaves %d", c.ProductID(), c.Before.Rank)
	case c.Moved() != 0:
		return fmt.Sprintf("product %d goes from %d to %d%s", c.ProductID(), c.Before.Rank, c.After.Rank, score)
	case score != "":
		return fmt.Sprintf("product %d stays at %d%s", c.ProductID(), c.After.Rank, score)
	default:
		return fmt.Sprintf("product %d stays at %d with other counters", c.ProductID(), c.After.Rank)
	}
}

// difference returns the changes from one ranking to another: first the rows of after in
// their order, then those that have left.
func difference(before, after []ranking.Row) (changes []Change) {
	left := make(map[int64]ranking.Row, len(before))
	for _, row := range before {
		left[row.ProductID] = row
	}
	for _, row := range after {
		if was := left[row.ProductID]; was != row {
			changes = append(changes, Change{was, row})
		}
		delete(left, row.ProductID)
	}
	for _, row := range before {
		if _, gone := left[row.ProductID]; gone {
			changes = append(changes, Change{Before: row})
		}
	}
	return changes
}

// compare returns what a new ranking of a period would change in the published one. If
// none is published, all products enter.
func compare(ctx context.Context, tx store.Tx, p ranking.Period, s ranking.Schedule, top int64) (changes []Change, read int64, err error) {
	after, read, err := tx.Rollup.Best(ctx, p, s, ranking.RangeOf(0, 1, 0), top)
	if err != nil {
		return nil, 0, fmt.Errorf("best products of %s: %w", p.Key(), err)
	}
	published, err := tx.Published.Current(ctx, p)
	if errors.Is(err, ranking.ErrNotPublished) {
		return difference(nil, after), read, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("the published ranking of %s: %w", p.Key(), err)
	}
	before, err := rowsOf(ctx, tx, published.Run)
	return difference(before, after), read, err
}

func rowsOf(ctx context.Context, tx store.Tx, run id.ID) ([]ranking.Row, error) {
	rows, err := tx.Published.Rows(ctx, run, 0, mostRanks)
	if err != nil {
		return nil, fmt.Errorf("the rows of %s: %w", run, err)
	}
	return rows, nil
}

// preview is the chunk of a dry run.
func (s *Service) preview(ctx context.Context, tx store.Tx, p part, top int64) (batch.Progress, error) {
	schedule, err := s.scheduleOf(ctx, tx, p)
	if err != nil {
		return batch.Progress{}, err
	}
	changes, read, err := compare(ctx, tx, p.period, schedule, top)
	if err != nil {
		return batch.Progress{}, err
	}
	s.config.Preview(ctx, p.period, changes)
	return batch.Progress{Counts: batch.Counts{Read: read}, Done: true}, nil
}

func (s *Service) logPreview(ctx context.Context, p ranking.Period, changes []Change) {
	for _, c := range changes {
		s.config.Log.InfoContext(ctx, "a new ranking would change this", "period", p.Key(), "kind", string(p.Kind), "change", c.String())
	}
	s.config.Log.InfoContext(ctx, "nothing was published", "period", p.Key(), "kind", string(p.Kind), "changes", len(changes))
}
