package store

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/outage"
)

const (
	// daysAhead days are prepared ahead: nobody waits at midnight, and an attempt that
	// fails has until then to succeed.
	daysAhead = 2
	// retryInterval is how long it takes until days are prepared again after a failure.
	retryInterval = time.Minute
)

// Days prepares the days of a table whose rows belong to days, each once. It is safe for
// concurrent use.
type Days struct {
	db     DB
	now    clock.Clock
	config DaysConfig

	turn     *semaphore.Weighted // whoever has it may use what follows
	prepared map[clock.Day]bool
	retryAt  time.Time
	outage   *outage.Log
	log      *slog.Logger
}

// DaysConfig says what is prepared.
type DaysConfig struct {
	What string // for the log
	// Back is how many days before today are prepared, so that ids that are wrong cannot
	// make any number of them.
	Back int
	// Prepare makes room for days. It returns those that cannot have room any more.
	Prepare func(ctx context.Context, tx Tx, days []clock.Day) (left []clock.Day, err error)
}

// NewDays returns the days of a table.
func NewDays(db DB, now clock.Clock, log *slog.Logger, c DaysConfig) *Days {
	return &Days{db: db, now: now, config: c, turn: semaphore.NewWeighted(1), prepared: map[clock.Day]bool{}, outage: outage.New(log, c.What), log: log}
}

// Prepare prepares the days of events, and today and the days after it, unless they were
// prepared before. Others wait meanwhile: the same days are missing for them. A failure is
// logged; the rows are kept all the same, in a place from which they are not dropped as
// fast.
func (d *Days) Prepare(ctx context.Context, events iter.Seq[id.ID]) {
	if d.turn.Acquire(ctx, 1) != nil {
		return // the batch is cut short
	}
	defer d.turn.Release(1)
	now := d.now()
	missing := d.missing(events, clock.DayOf(now))
	if len(missing) == 0 || now.Before(d.retryAt) {
		return
	}
	var left []clock.Day
	err := d.db.Update(ctx, func(tx Tx) (err error) {
		left, err = d.config.Prepare(ctx, tx, missing)
		return err
	})
	if ctx.Err() != nil {
		return // it says nothing about the database: the next batch tries again
	}
	if err != nil {
		d.outage.Failed(err)
		d.retryAt = now.Add(retryInterval)
		return
	}
	d.outage.Recovered()
	for _, day := range missing {
		d.prepared[day] = true
	}
	for _, day := range left {
		d.log.Warn("rows of this day stay where they are, since they are too many to be moved; they are deleted one by one", "what", d.config.What, "day", day)
	}
}

// missing returns the days of the events, and today and those after it, that are to be
// prepared, in order.
func (d *Days) missing(events iter.Seq[id.ID], today clock.Day) []clock.Day {
	first, last := today.Add(-d.config.Back), today.Add(daysAhead)
	found := map[clock.Day]bool{}
	for day := range daysOf(events) {
		found[day] = first <= day && day <= last
	}
	for n := range daysAhead + 1 {
		found[today.Add(n)] = true
	}
	maps.DeleteFunc(found, func(day clock.Day, wanted bool) bool { return !wanted || d.prepared[day] })
	return slices.Sorted(maps.Keys(found))
}

// daysOf yields the days of the times in ids. It yields a day once for all ids of that
// day which follow each other: to compare ids takes less time than to compute a day.
func daysOf(events iter.Seq[id.ID]) iter.Seq[clock.Day] {
	return func(yield func(clock.Day) bool) {
		var from, to id.ID
		for e := range events {
			if bytes.Compare(e[:], from[:]) >= 0 && bytes.Compare(e[:], to[:]) < 0 {
				continue
			}
			at, dated := e.Time()
			if !dated {
				continue
			}
			day := clock.DayOf(at)
			from, to = id.Floor(day.Start()), id.Floor(day.Add(1).Start())
			if !yield(day) {
				return
			}
		}
	}
}
