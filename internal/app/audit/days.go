package audit

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// daysBack bounds the days that are prepared, so that ids that are wrong cannot make
	// any number of them. daysAhead days are prepared ahead: nobody waits at midnight,
	// and an attempt that fails has until then to succeed.
	daysBack, daysAhead = 366, 2
	// patience is how long it takes until days are prepared again after a failure.
	patience = time.Minute
)

// days prepares the days of the log, each once.
type days struct {
	db  store.DB
	now clock.Clock

	mu       sync.Mutex
	prepared map[clock.Day]bool
	retryAt  time.Time
	outage   *outage.Log
}

func newDays(db store.DB, now clock.Clock, log *slog.Logger) *days {
	return &days{db: db, now: now, prepared: map[clock.Day]bool{}, outage: outage.New(log, "make the partitions of the event log")}
}

// prepare prepares the days of events that were not prepared yet. Others wait meanwhile:
// the same days are missing for them. A failure is logged; the events are kept all the
// same, in a place from which they are not dropped as fast.
func (d *days) prepare(ctx context.Context, events []store.LoggedEvent) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	missing := d.missing(events, clock.DayOf(now))
	if len(missing) == 0 || now.Before(d.retryAt) {
		return
	}
	err := d.db.Update(ctx, func(tx store.Tx) error { return tx.Events.Prepare(ctx, missing) })
	if err != nil {
		d.outage.Failed(err)
		d.retryAt = now.Add(patience)
		return
	}
	d.outage.Recovered()
	for _, day := range missing {
		d.prepared[day] = true
	}
}

// missing returns the days of the events, and those after today, that are to be
// prepared, in order.
func (d *days) missing(events []store.LoggedEvent, today clock.Day) []clock.Day {
	first, last := today.Add(-daysBack), today.Add(daysAhead)
	found := map[clock.Day]bool{}
	for _, e := range events {
		at, dated := e.ID.Time()
		if !dated {
			continue
		}
		day := clock.DayOf(at)
		if day < first || day > last || d.prepared[day] {
			continue
		}
		found[day] = true
		if day == today {
			for n := range daysAhead {
				found[today.Add(n+1)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
