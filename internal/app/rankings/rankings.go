// Package rankings reads the rankings of days, weeks and months: the live ones from the
// board in Redis, those of finished periods from the published tables and, where the
// board is not complete, from the counters in the database.
package rankings

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Errors of snapshots.
var (
	ErrSnapshot = fault.New(fault.Invalid, "INVALID_SNAPSHOT",
		"the snapshot is not one of this ranking; leave it out to read the newest one")
	ErrSnapshotExpired = fault.New(fault.Gone, "SNAPSHOT_EXPIRED",
		"the snapshot is no longer kept; read the first page again")
)

// errIncomplete means that the board of a day may lack products.
var errIncomplete = errors.New("the board is not complete")

// Source is where a page was read from.
type Source string

// The sources.
const (
	FromBoard    Source = "board"    // the live ranking in Redis
	FromTable    Source = "table"    // a published table
	FromDatabase Source = "database" // the counters, because the board is not complete
	FromNothing  Source = "none"     // nothing was read: there is nothing to rank
)

// Sources returns all sources.
func Sources() []Source { return []Source{FromBoard, FromTable, FromDatabase, FromNothing} }

// Board is a board as a Reader needs it. A board that is not complete may lack products.
type Board interface {
	// Top returns the ranks offset+1 to offset+limit of a day.
	Top(ctx context.Context, day clock.Day, offset, limit int64) (top []ranking.Entry, complete bool, err error)
	// Rank returns the rank of a product on a day; nil if it has none or the board is
	// not complete.
	Rank(ctx context.Context, day clock.Day, productID int64) (*int64, error)
	// Ranks returns the ranks of products on a day. Products without one are missing.
	Ranks(ctx context.Context, day clock.Day, productIDs []int64) (ranks map[int64]int64, complete bool, err error)
	// LiveScores returns the scores of the products that have a rank on a day.
	LiveScores(ctx context.Context, day clock.Day, productIDs []int64) (scores map[int64]int64, complete bool, err error)
	// Snapshot copies the first ranks of a day under a name for a time, and returns
	// how many there are.
	Snapshot(ctx context.Context, day clock.Day, name string, depth int64, keep time.Duration) (ranks int64, complete bool, err error)
	// OfSnapshot is Top of a snapshot, and reports whether the snapshot is there.
	OfSnapshot(ctx context.Context, name string, offset, limit int64) (top []ranking.Entry, there bool, err error)
}

// Config holds the dependencies of a reader.
type Config struct {
	DB    store.DB
	Board Board
	Clock clock.Clock
	IDs   id.Source // of snapshots
	Log   *slog.Logger
}

// Reader reads rankings. It is safe for concurrent use.
type Reader struct {
	Config

	reads     reads
	folds     *shelf[foldKey, fold]       // of the counters
	brands    *shelf[foldKey, fold]       // of the live ranking of a brand
	runs      *shelf[runKey, fold]        // of a brand in a published run
	snapshots *shelf[clock.Day, snapshot] // of the board
	boards    *shelf[clock.Day, there]    // those that are complete
	gaps      *shelf[struct{}, openGaps]
}

// New returns a reader.
func New(c Config) *Reader {
	b := newBudget(c.Clock)
	r := &Reader{
		Config: c, reads: newReads(),
		folds: newShelf[foldKey, fold](c.Clock, b, grace), brands: newShelf[foldKey, fold](c.Clock, b, grace),
		runs:      newShelf[runKey, fold](c.Clock, b, grace),
		snapshots: newShelf[clock.Day, snapshot](c.Clock, nil, 0), boards: newShelf[clock.Day, there](c.Clock, nil, 0), gaps: newShelf[struct{}, openGaps](c.Clock, nil, 0),
	}
	r.folds.lasts = true // but a board that is not complete is not used, and neither is a run that was purged
	return r
}

// NewSnapshot as Query.Snapshot asks for a snapshot of the board.
const NewSnapshot = "new"

// Query is a question for a page of a ranking.
type Query struct {
	Period       ranking.Period
	BrandID      int64  // 0: all products; otherwise ranks are those within the brand
	Number, Size int64  // of the page; the first one is 1
	Snapshot     string // Page.Snapshot of an earlier page, NewSnapshot or empty
}

func (q Query) offset() int64 { return (q.Number - 1) * q.Size }

// Page is a part of a ranking.
type Page struct {
	AsOf time.Time // the page shows what was so at this time
	// Complete reports whether the period was over then. Late events may still change
	// a ranking that is complete.
	Complete bool
	Source   Source
	Items    []Item
	HasMore  bool   // whether there are ranks after these
	Cut      bool   // whether the source has the first ranks only
	Snapshot string // for other pages of the same state; empty if there is none
}

// Item is a product with its rank.
type Item struct {
	ranking.Entry

	// Compared reports whether the ranking of the period before could be read. Previous is
	// the rank there, or nil if the product had none.
	Compared bool
	Previous *int64
}

// Limits of what is kept in memory and in Redis.
const (
	// Depth is how many ranks of a fallback, or of a brand's live ranking, are read.
	Depth = 10_000
	// SnapshotDepth is how many ranks a snapshot of the board has. Pages beyond are empty.
	SnapshotDepth = 1_000
	// SnapshotTime is how long a snapshot of the board is kept.
	SnapshotTime = 5 * time.Minute
)
