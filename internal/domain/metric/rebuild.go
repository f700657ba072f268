package metric

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Rebuild is a note that lost events were added to the counters of a day: what, by whom
// and why.
type Rebuild struct {
	ID       int64 // from 1, without gaps
	At       time.Time
	Actor    string
	Reason   string
	Day      clock.Day
	Products int64    // whose counters were changed
	Added    Counters // the sums; product and version are zero
	Counts   int64    // what was added to the like counts of products
}

// ErrRebuilt is returned by a commit that adds a rebuild with an id that another one has:
// what it adds was computed before that one.
var ErrRebuilt = errors.New("metric: the counters were rebuilt by somebody else meanwhile")

// RebuildTable keeps the rebuilds of counters.
type RebuildTable interface {
	// Add queues a rebuild.
	Add(r Rebuild)
	// Latest returns up to limit rebuilds, newest first.
	Latest(ctx context.Context, limit int) ([]Rebuild, error)
}
