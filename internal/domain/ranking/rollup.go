package ranking

import (
	"context"
	"math"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// ErrIncomplete is returned if rows of a ranking are missing that must be there.
var ErrIncomplete = fault.New(fault.Conflict, "RANKING_INCOMPLETE", "rows of this ranking are missing: compute it anew")

// Range is a range of product ids: those after After, up to and including Last.
type Range struct{ After, Last int64 }

// Work names the ranking of a period that a run is computing.
type Work struct {
	Run    id.ID // of the job
	Period Period
}

// RangeOf returns the products of the i-th of n ranges of about the same size, counted from
// 0, of products with ids up to last. The last range has no end, for ids that are new.
func RangeOf(i, n int, last int64) Range {
	size := (last + int64(n) - 1) / int64(n)
	r := Range{After: int64(i) * size, Last: int64(i+1) * size}
	if i == n-1 {
		r.Last = math.MaxInt64
	}
	return r
}

// UpTo returns the schedule as it was when the change with an id was the newest.
func (s Schedule) UpTo(id int64) Schedule {
	var changes []WeightsChange
	for _, c := range s.changes {
		if c.ID <= id {
			changes = append(changes, c)
		}
	}
	return NewSchedule(changes...)
}

// Part is what is known of the ranges of products that are done.
type Part struct {
	Done int64 // ranges
	// Changes is the least number of changes that a range has begun with: each range
	// has seen at least these.
	Changes    int64
	Candidates int64 // that the ranges have kept
}

// Checksum is a checksum of rows: of their ranks, products, scores and counters.
type Checksum struct{ Rows, Sum int64 }

// RollupTable computes rankings from the counters, one range of products after
// another. The best products of each range are kept as candidates, until all ranges
// are done and the best of all are known.
type RollupTable interface {
	// Best returns the best products of a range, up to limit of them, and the number
	// of counters that were read. Only products with a positive score have a place.
	// Ranks are those within the range.
	Best(ctx context.Context, p Period, s Schedule, r Range, limit int64) (rows []Row, read int64, err error)
	// Keep queues candidates.
	Keep(w Work, rows []Row)
	// Finish adds a range that is done, and returns the sum of those that are done.
	// Other ranges of the period wait until the transaction ends.
	Finish(ctx context.Context, w Work, p Part) (Part, error)
	// Settle makes the best candidates, up to limit, the rows of a publication with
	// the id into, and deletes the work. It returns ErrIncomplete unless there are as
	// many candidates as given.
	Settle(ctx context.Context, w Work, into id.ID, limit, candidates int64) (rows int64, err error)
	// Compare returns a checksum of the rows of a publication, and one of the rows that
	// the counters give now, up to limit. Both are computed in the database.
	Compare(ctx context.Context, p Publication, s Schedule, limit int64) (published, counted Checksum, err error)
}
