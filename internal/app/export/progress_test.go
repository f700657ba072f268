package export_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

const day clock.Day = 20261126

// source is a database with counters and sales of one day. It has snapshots only: all of
// a day is read in one.
type source struct {
	store.DB

	counters, sales int
	changes         []ranking.WeightsChange
}

// Snapshot implements store.DB.
func (s *source) Snapshot(_ context.Context, do func(store.Tx) error) error {
	return do(store.Tx{Months: months{}, Metrics: counters{nil, s}, Sales: sales{nil, s}, Weights: weights{nil, s}})
}

type (
	months   struct{ metric.MonthTable }
	counters struct {
		metric.Table
		*source
	}
	sales struct {
		store.Sales
		*source
	}
	weights struct {
		ranking.WeightsTable
		*source
	}
)

func (months) Has(context.Context, metric.Month) (bool, error) { return false, nil }

func (c counters) All(_ context.Context, _, _ clock.Day, yield func(metric.Counters) error) error {
	for range c.counters {
		if err := yield(metric.Counters{}); err != nil {
			return err
		}
	}
	return nil
}

func (s sales) On(_ context.Context, _ clock.Day, yield func(store.Sold) error) error {
	for range s.sales {
		if err := yield(store.Sold{}); err != nil {
			return err
		}
	}
	return nil
}

func (sales) StateOn(context.Context, clock.Day) (string, error) { return "state", nil }

func (w weights) Changes(context.Context) ([]ranking.WeightsChange, error) { return w.changes, nil }

// folder takes files and forgets them.
type folder struct {
	committed []export.Manifest
	aborted   int
}

func (*folder) Manifest(clock.Day) (m export.Manifest, ok bool, err error) { return m, false, nil }
func (f *folder) Begin(clock.Day) (export.Files, error)                    { return f, nil }
func (*folder) Counter(metric.Counters) error                              { return nil }
func (*folder) Sold(store.Sold) error                                      { return nil }
func (f *folder) Abort()                                                   { f.aborted++ }
func (f *folder) Commit(m export.Manifest) error                           { f.committed = append(f.committed, m); return nil }

func TestProgressIsReportedAtEveryTenThousandRows(t *testing.T) {
	t.Parallel()
	var said []export.Rows
	_, err := export.New(&source{counters: 25_000, sales: 7_000}, &folder{}).Day(t.Context(), day, func(r export.Rows) error {
		said = append(said, r)
		return nil
	})
	want := []export.Rows{{Counters: 10_000}, {Counters: 10_000}, {Counters: 5_000, Sales: 5_000}, {Sales: 2_000}}
	if diff := cmp.Diff(want, said); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

var errStop = errors.New("stop")

func TestAnErrorOfProgressLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := &folder{}
	_, err := export.New(&source{counters: 3}, f).Day(t.Context(), day, func(export.Rows) error { return errStop })
	if !errors.Is(err, errStop) || f.aborted != 1 || len(f.committed) != 0 {
		t.Errorf("%v; %d aborted, %d committed", err, f.aborted, len(f.committed))
	}
}

// A change after the day says nothing about it.
func TestTheManifestHasTheWeightsAtTheEndOfTheDay(t *testing.T) {
	t.Parallel()
	at := func(id int64, at time.Time) ranking.WeightsChange {
		return ranking.WeightsChange{ID: id, At: at, Weights: ranking.Weights{View: id}}
	}
	f := &folder{}
	s := &source{changes: []ranking.WeightsChange{at(1, day.Start()), at(2, day.Add(1).Start().Add(-1)), at(3, day.Add(1).Start())}}
	if _, err := export.New(s, f).Day(t.Context(), day, quiet); err != nil {
		t.Fatal(err)
	}
	if got := f.committed[0].Weights.ID; got != 2 {
		t.Errorf("the weights of change %d", got)
	}
}

// Days that are finished are skipped by their manifests. So each start looks at all days
// again: late events may have changed them.
func TestTheJobCountsAllRowsAndReportsAFolderThatDoesNotClose(t *testing.T) {
	t.Parallel()
	closing := error(nil)
	j := export.Job(export.Deps{
		DB: &source{counters: 3, sales: 4}, Now: func() time.Time { return day.Add(1).Start() },
		Open: func(string) (export.Folder, func() error, error) {
			return &folder{}, func() error { return closing }, nil
		},
	})
	if !j.Fresh {
		t.Error("a run that was stopped does not look at the days again that it has written")
	}
	steps, err := j.Plan(job.Parameters{"from": "2026-11-26", "to": "2026-11-26", "out": "files"})
	if err != nil {
		t.Fatal(err)
	}
	var done batch.Counts
	task := func() error {
		return steps[0].Task(t.Context(), batch.Chunk{Partition: day.String()}, func(c batch.Counts) error { done = done.Plus(c); return nil })
	}
	if err := task(); err != nil || done != (batch.Counts{Read: 7, Written: 7}) {
		t.Errorf("%+v, %v", done, err)
	}
	if closing = errStop; !errors.Is(task(), errStop) {
		t.Error("a folder that does not close is no error")
	}
}
