package ranking

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// GapTable has the days whose board in Redis lacks scores of counters in the database, because
// Redis was away when they were counted. Each day has a version, which grows with every note.
// So a note that is made while the board is built outlives the build.
type GapTable interface {
	// Note notes that the boards of days lack scores. Days are in order, so that two
	// transactions cannot deadlock.
	Note(days []clock.Day)
	// Open returns the days whose board lacks scores, with their versions.
	Open(ctx context.Context) (map[clock.Day]int64, error)
	// Close says that the board of a day was made whole from counters that were read after
	// Open had returned the version. The day stays open if it was noted again meanwhile.
	Close(day clock.Day, version int64)
	// Purge deletes the days before a day.
	Purge(before clock.Day)
}
