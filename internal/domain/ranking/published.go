package ranking

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// ErrNotPublished is returned for a period whose ranking is not in the tables, although
// something was counted.
var ErrNotPublished = fault.New(fault.NotFound, "RANKING_NOT_PUBLISHED",
	"this ranking is not computed yet; commerce-batch computes it, usually within ten minutes").After(time.Minute)

// ErrNotKept is returned for a period whose daily counters are no longer kept, if what is
// asked for can only be computed from them.
var ErrNotKept = fault.New(fault.Gone, "COUNTERS_NOT_KEPT",
	"the daily counters of this period have been added to those of their months; only what was published before is known")

// CheckKept returns ErrNotKept if some of the daily counters that have a part in the
// scores of a period are no longer kept.
func CheckKept(ctx context.Context, months metric.MonthTable, p Period) error {
	first, last := p.Counted()
	for _, day := range []clock.Day{first, last} {
		rolledUp, err := months.Has(ctx, metric.MonthOf(day))
		if err != nil {
			return err
		}
		if rolledUp {
			return ErrNotKept
		}
	}
	return nil
}

// Publication is a ranking of a period that readers see. Its rows never change: a newer
// ranking has other rows under another run id, and readers switch from one to the other
// at once.
type Publication struct {
	Period Period
	Run    id.ID     // of the rows
	AsOf   time.Time // the counters are those of this time, or newer
	// Complete reports whether the period was over at AsOf.
	Complete bool
	// Changes is how often the counters of the period had changed when they were read
	// (see metric.Table), and Weights is the Fingerprint of the weights used. If one
	// of them differs now, the publication is stale.
	Changes int64
	Weights string
	Rows    int64
	Limit   int64 // where the ranking was cut
}

// Stale reports whether a new publication would have other scores: counters or weights of
// the period have changed since.
func (p Publication) Stale(changes metric.Changes, s Schedule) bool {
	return p.Changes != changes.Sum(p.Period.Counted()) || p.Weights != s.Fingerprint(p.Period)
}

// Row is a row of a published ranking. The counters are the sums over the days of the
// period. The score of a week or a month is the sum of the own scores of its days; that
// of a day is its live score.
type Row struct {
	Entry

	Counters metric.Counters // Day and Version are zero
}

// Abandoned is for how long a run may take, and may be restarted, before what it has
// worked out is deleted.
const Abandoned = 7 * 24 * time.Hour

// PublishedTable keeps published rankings: mv_product_rank_daily, _weekly and _monthly.
type PublishedTable interface {
	// Current returns the publication of a period that readers see, or
	// ErrNotPublished.
	Current(ctx context.Context, p Period) (Publication, error)
	// Currents returns the publications of a kind whose periods overlap the days from
	// first to last, oldest first.
	Currents(ctx context.Context, kind Kind, first, last clock.Day) ([]Publication, error)
	// Rows returns the rows of a run with the ranks from offset+1 to offset+limit.
	Rows(ctx context.Context, run id.ID, offset, limit int64) ([]Row, error)
	// OfBrand is Rows of the products of one brand. Ranks are those within the brand.
	OfBrand(ctx context.Context, run id.ID, brandID, offset, limit int64) ([]Row, error)
	// Ranks returns the ranks that products have in a run. Products without one are
	// missing.
	Ranks(ctx context.Context, run id.ID, productIDs []int64) (map[int64]int64, error)
	// Publish queues the switch of readers to a publication whose rows were written
	// before. The rows of the publication that it replaces stay until Purge.
	Publish(p Publication)
	// Purge deletes up to limit rows of runs that no reader sees and that were
	// replaced before a time; and of the work of runs that began Abandoned before it.
	Purge(ctx context.Context, before time.Time, limit int) (deleted int64, err error)
}
