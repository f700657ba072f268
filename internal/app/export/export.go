// Package export writes closed days into files, so that other programs can compute
// what is too much for the database: see docs/scale.md.
package export

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Errors about the days that were asked for.
var (
	ErrRange  = fault.New(fault.Invalid, "INVALID_RANGE", "the last day is before the first")
	ErrOpen   = fault.New(fault.Conflict, "DAY_NOT_CLOSED", "the day is not over yet")
	ErrRolled = fault.New(fault.Conflict, "DAY_ROLLED_UP", "the counters of the day are no longer kept")
)

// Manifest says what the files of a day are made from. It is written after them.
type Manifest struct {
	Day     clock.Day             `json:"day"`
	State   string                `json:"state"` // of the sales and the counters: see store.Sales
	Weights ranking.WeightsChange `json:"weights"`
	Files   []File                `json:"files"`
}

// File is a file of a day.
type File struct {
	Path   string `json:"path"` // within the folder
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Folder holds the files of days.
type Folder interface {
	// Manifest returns the manifest of a day. It reports false if there is none, or if
	// one of the files is not there as the manifest says.
	Manifest(day clock.Day) (m Manifest, ok bool, err error)
	// Begin begins to write the files of a day. Nothing of it can be seen before its
	// Commit.
	Begin(day clock.Day) (Files, error)
}

// Files are the files of a day that are being written.
type Files interface {
	Counter(c metric.Counters) error
	Sold(s store.Sold) error
	// Commit replaces the files of the day, if there are any, and writes the manifest:
	// m with the files added.
	Commit(m Manifest) error
	// Abort deletes what was not committed.
	Abort()
}

// Outcome says what was done with a day.
type Outcome string

// The outcomes.
const (
	Written   Outcome = "written"
	Rewritten Outcome = "rewritten" // the day had changed since it was written
	Unchanged Outcome = "unchanged"
	Kept      Outcome = "kept" // its counters are no longer in the database
)

// Exporter writes days into a folder.
type Exporter struct {
	db     store.DB
	folder Folder
}

// New returns an Exporter.
func New(db store.DB, folder Folder) *Exporter { return &Exporter{db, folder} }

// Closed returns the days from first to last. It fails unless all of them are over.
func Closed(first, last clock.Day, now time.Time) ([]clock.Day, error) {
	if last < first {
		return nil, ErrRange.Because("the last day, %s, is before the first, %s", last, first)
	}
	if today := clock.DayOf(now); last >= today {
		return nil, ErrOpen.Because("%s is not over yet: the last day that can be exported is %s", last, today.Add(-1))
	}
	return first.Until(last), nil
}

// Rows counts the rows of files.
type Rows struct{ Counters, Sales int64 }

// Day writes the files of a day, unless they are there and the day has not changed
// since. It calls progress at every 10,000 rows with the rows since the last call; an
// error of it ends the work.
func (e *Exporter) Day(ctx context.Context, day clock.Day, progress func(Rows) error) (done Outcome, err error) {
	before, there, err := e.folder.Manifest(day)
	if err != nil {
		return "", err
	}
	err = e.db.Snapshot(ctx, func(tx store.Tx) error {
		done, err = e.day(ctx, tx, day, verdict{before, there}, progress)
		return err
	})
	return done, err
}

// verdict is what the folder has of a day.
type verdict struct {
	manifest Manifest
	there    bool
}

func (e *Exporter) day(ctx context.Context, tx store.Tx, day clock.Day, has verdict, progress func(Rows) error) (Outcome, error) {
	rolled, err := tx.Months.Has(ctx, metric.MonthOf(day))
	switch {
	case err != nil:
		return "", err
	case rolled && has.there:
		return Kept, nil
	case rolled:
		return "", ErrRolled.Because("the counters of %s were added to those of its month, and its files are not in the folder", day)
	}
	state, err := tx.Sales.StateOn(ctx, day)
	if err != nil {
		return "", err
	}
	weights, err := ranking.ReadSchedule(ctx, tx.Weights)
	if err != nil {
		return "", err
	}
	next := Manifest{Day: day, State: state, Weights: weights.On(day)}
	if has.there && has.manifest.State == state && has.manifest.Weights.Weights == next.Weights.Weights {
		return Unchanged, nil
	}
	if err := e.write(ctx, tx, next, progress); err != nil {
		return "", fmt.Errorf("%s: %w", day, err)
	}
	if has.there {
		return Rewritten, nil
	}
	return Written, nil
}

// write writes the files of a day and their manifest.
func (e *Exporter) write(ctx context.Context, tx store.Tx, m Manifest, progress func(Rows) error) error {
	files, err := e.folder.Begin(m.Day)
	if err != nil {
		return err
	}
	defer files.Abort()
	count := counter{progress: progress}
	err = tx.Metrics.All(ctx, m.Day, m.Day, func(c metric.Counters) error {
		if err := files.Counter(c); err != nil {
			return err
		}
		return count.add(Rows{Counters: 1})
	})
	if err != nil {
		return err
	}
	err = tx.Sales.On(ctx, m.Day, func(s store.Sold) error {
		if err := files.Sold(s); err != nil {
			return err
		}
		return count.add(Rows{Sales: 1})
	})
	if err != nil {
		return err
	}
	if err := count.report(); err != nil {
		return err
	}
	return files.Commit(m)
}

// progressRows is the number of rows between two calls of progress.
const progressRows = 10_000

// counter reports rows to progress.
type counter struct {
	since    Rows
	progress func(Rows) error
}

func (c *counter) add(r Rows) error {
	c.since.Counters += r.Counters
	c.since.Sales += r.Sales
	if c.since.Counters+c.since.Sales < progressRows {
		return nil
	}
	return c.report()
}

func (c *counter) report() error {
	since := c.since
	c.since = Rows{}
	return c.progress(since)
}
