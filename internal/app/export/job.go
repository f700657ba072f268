package export

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// JobName is the name of the job.
const JobName = "exportJob"

// Deps is what the job needs.
type Deps struct {
	DB store.DB
	// Open opens the folder for files at a path. Close it after use.
	Open func(path string) (folder Folder, closing func() error, err error)
	Now  clock.Clock
}

// errDay is returned for a parameter that is not a day.
var errDay = fault.New(fault.Invalid, "INVALID_DATE", "the parameter must be a date")

// Job returns the job: one step, with a partition for each day.
func Job(d Deps) batch.Job {
	return batch.Job{
		Name:        JobName,
		Description: "Writes the counters, sales and weights of closed days into Parquet files.",
		Parameters: []batch.Parameter{
			{Name: "from", Help: "First day.", Default: "yesterday", Day: true},
			{Name: "to", Help: "Last day.", Default: "yesterday", Day: true},
			{Name: "out", Help: "Folder for the files."},
		},
		Fresh: true, // days that are finished are skipped by their manifests, unless they have changed
		Plan:  d.plan,
	}
}

func (d Deps) plan(p job.Parameters) ([]batch.Step, error) {
	first, last, err := days(p)
	if err != nil {
		return nil, err
	}
	if p["out"] == "" {
		return nil, fault.New(fault.Invalid, "INVALID_PARAMETER", "out: give the folder for the files")
	}
	return []batch.Step{{
		Name: "export",
		Partitions: func(context.Context, store.DB) ([]string, error) {
			closed, err := Closed(first, last, d.Now())
			names := make([]string, len(closed))
			for i, day := range closed {
				names[i] = day.String()
			}
			return names, err
		},
		Task: func(ctx context.Context, c batch.Chunk, report func(batch.Counts) error) error {
			return d.task(ctx, p["out"], c.Partition, report)
		},
	}}, nil
}

func days(p job.Parameters) (first, last clock.Day, err error) {
	for name, day := range map[string]*clock.Day{"from": &first, "to": &last} {
		at, err := time.ParseInLocation(time.DateOnly, p[name], clock.KST)
		if err != nil {
			return 0, 0, errDay.Because("%s: %q is no date: give one like 2010-12-31", name, p[name])
		}
		*day = clock.DayOf(at)
	}
	if last < first {
		return 0, 0, ErrRange.Because("to, %s, is before from, %s", p["to"], p["from"])
	}
	return first, last, nil
}

// task writes the files of one day.
func (d Deps) task(ctx context.Context, out, partition string, report func(batch.Counts) error) error {
	day, err := clock.ParseDay(partition)
	if err != nil {
		return err
	}
	folder, closing, err := d.Open(out)
	if err != nil {
		return err
	}
	_, err = New(d.DB, folder).Day(ctx, day, func(r Rows) error {
		n := r.Counters + r.Sales
		return report(batch.Counts{Read: n, Written: n})
	})
	if closed := closing(); err == nil {
		err = closed
	}
	return err
}
