// Package archive adds old daily counters to the counters of their months.
package archive

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

// JobName is the name of the job.
const JobName = "counterRollupJob"

// KeepDays is how long the days of a month are kept after its end, by default.
const KeepDays = 400

// leastDays is the least number of days to keep: rankings of the running and the last
// periods, and the carry-over into them, are computed from days.
const leastDays = 62

// chunkRows is the number of daily counters that a transaction moves.
const chunkRows = 5_000

// ErrKeepDays is returned for a number of days that is too small, or no number.
var ErrKeepDays = fault.New(fault.Invalid, "INVALID_KEEP_DAYS", "keep-days must be a number of at least 62 days")

// Job returns the job: one step with a partition for each month. A transaction moves
// some thousand daily counters, so that a restart neither skips nor repeats one.
func Job(now clock.Clock) batch.Job {
	return batch.Job{
		Name:        JobName,
		Description: "Adds the daily counters of old months to the counters of the month.",
		Parameters: []batch.Parameter{
			{Name: "keep-days", Help: "How many days after its end the days of a month are kept.", Default: strconv.Itoa(KeepDays)},
		},
		Plan: func(p job.Parameters) ([]batch.Step, error) { return plan(p, now) },
	}
}

func plan(p job.Parameters, now clock.Clock) ([]batch.Step, error) {
	keep := KeepDays
	if given, ok := p["keep-days"]; ok {
		var err error
		if keep, err = strconv.Atoi(given); err != nil || keep < leastDays || keep > 100_000 {
			return nil, ErrKeepDays.Because("keep-days: %q is not a number from %d to 100000", given, leastDays)
		}
	}
	return []batch.Step{{
		Name:       "rollUp",
		Partitions: func(ctx context.Context, db store.DB) ([]string, error) { return months(ctx, db, cutoff(now(), keep)) },
		Chunk:      chunk,
	}}, nil
}

// cutoff returns the day before which a month must have ended.
func cutoff(now time.Time, keep int) clock.Day { return clock.DayOf(now).Add(-keep) }

// months returns the months that are rolled up.
func months(ctx context.Context, db store.DB, before clock.Day) (names []string, err error) {
	err = db.View(ctx, func(tx store.Tx) error {
		ended, err := tx.Months.Ended(ctx, before)
		for _, m := range ended {
			names = append(names, m.String())
		}
		return err
	})
	return names, err
}

// chunk moves the next counters of a month. The position is the last product that was
// reached: some of its days may be left.
func chunk(ctx context.Context, tx store.Tx, c batch.Chunk) (batch.Progress, error) {
	m, err := strconv.ParseInt(c.Partition, 10, 32)
	if err != nil {
		return batch.Progress{}, fmt.Errorf("the partition %q is not a month: %w", c.Partition, err)
	}
	var from int64
	if c.Position != "" {
		if from, err = strconv.ParseInt(c.Position, 10, 64); err != nil {
			return batch.Progress{}, fmt.Errorf("the position %q is not a product: %w", c.Position, err)
		}
	}
	last, moved, err := tx.Months.RollUp(ctx, metric.Month(m), from, chunkRows)
	return batch.Progress{
		Counts:   batch.Counts{Read: moved, Written: moved},
		Position: strconv.FormatInt(last, 10), Done: moved < chunkRows,
	}, err
}
