// Package housekeeping has the jobs that delete rows that are no longer needed.
package housekeeping

import (
	"context"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// KeyLife is how long the answer under an idempotency key is kept.
	KeyLife = 24 * time.Hour
	// HandledLife is how long the mark of a handled event is kept. It must be
	// longer than topics and dead letters keep the event, and than a replay goes
	// back: an event that comes after that counts again.
	HandledLife = 30 * 24 * time.Hour
	// HistoryDays is how many days the executions of jobs are kept by default.
	HistoryDays = 90
	// LetterDays is how many days replayed and discarded dead letters are kept by default.
	LetterDays = 90
	// EventDays is how many days events are kept in the event log by default.
	EventDays = 90
	// mostDays is how many days anything can be kept: ten years.
	mostDays = 3650
	// chunkSize is how many rows a transaction deletes at most, so that nobody waits
	// for it.
	chunkSize = 1_000
)

// Jobs returns the jobs.
func Jobs() []batch.Job {
	return []batch.Job{
		{
			Name: "idempotencyKeyPurgeJob", Description: "Deletes the answers under idempotency keys that are older than a day.",
			Plan: func(job.Parameters) ([]batch.Step, error) {
				return purge(KeyLife, func(ctx context.Context, tx store.Tx, before time.Time) (int64, error) {
					return tx.Keys.Purge(ctx, before, chunkSize)
				}), nil
			},
		},
		{
			Name: "handledEventPurgeJob", Description: "Deletes the marks of events that were handled more than 30 days ago: whole days, by the time in the ids of the events.",
			Plan: func(job.Parameters) ([]batch.Step, error) {
				return chunks(func(ctx context.Context, tx store.Tx, at time.Time) (int64, bool, error) {
					return tx.Handled.Purge(ctx, at.Add(-HandledLife), chunkSize)
				}), nil
			},
		},
		daysJob("jobHistoryPurgeJob", "Deletes old executions of jobs.", "How many days executions are kept.", HistoryDays,
			func(ctx context.Context, tx store.Tx, before time.Time) (int64, error) {
				return tx.Jobs.Purge(ctx, before, chunkSize)
			}),
		daysJob("deadLetterPurgeJob", "Deletes dead letters that were replayed or discarded long ago, with their history.",
			"How many days they are kept.", LetterDays,
			func(ctx context.Context, tx store.Tx, before time.Time) (int64, error) {
				return tx.Letters.Purge(ctx, before, chunkSize)
			}),
		eventLog(),
		publications(),
	}
}

// daysJob returns a job that deletes what is older than a number of days.
func daysJob(name, description, help string, kept int, deleteChunk func(context.Context, store.Tx, time.Time) (int64, error)) batch.Job {
	return batch.Job{
		Name: name, Description: description, Parameters: []batch.Parameter{{Name: "days", Help: help, Default: strconv.Itoa(kept)}},
		Plan: func(p job.Parameters) ([]batch.Step, error) {
			days, err := daysOf(p)
			return purge(time.Duration(days)*24*time.Hour, deleteChunk), err
		},
	}
}

// eventLog returns the job that purges the event log.
func eventLog() batch.Job {
	return batch.Job{
		Name: "eventLogPurgeJob", Description: "Deletes old events of the event log: whole days, by the time in the ids of the events.",
		Parameters: []batch.Parameter{{Name: "days", Help: "How many days events are kept, before the current one.", Default: strconv.Itoa(EventDays)}},
		Plan: func(p job.Parameters) ([]batch.Step, error) {
			days, err := daysOf(p)
			return chunks(func(ctx context.Context, tx store.Tx, at time.Time) (int64, bool, error) {
				return tx.Events.Purge(ctx, clock.DayOf(at).Add(-days), chunkSize)
			}), err
		},
	}
}

// daysOf returns the parameter days.
func daysOf(p job.Parameters) (int, error) {
	days, err := strconv.Atoi(p["days"])
	if err != nil || days < 1 || days > mostDays {
		return 0, ErrDays.Because("days: %q cannot be used: give 1 to %d", p["days"], mostDays)
	}
	return days, nil
}

// chunks returns a step that drops day after day, and then deletes chunk after chunk of
// what has no day of its own. A day that is dropped as a whole is counted by an estimate.
func chunks(next func(ctx context.Context, tx store.Tx, at time.Time) (n int64, more bool, err error)) []batch.Step {
	return []batch.Step{{
		Name: "purge",
		Chunk: func(ctx context.Context, tx store.Tx, c batch.Chunk) (batch.Progress, error) {
			n, more, err := next(ctx, tx, c.At)
			return batch.Progress{Counts: batch.Counts{Read: n, Written: n}, Done: !more}, err
		},
	}}
}

// publications returns the job that purges published rankings.
func publications() batch.Job {
	return batch.Job{
		Name:        "rankingPublicationPurgeJob",
		Description: "Deletes published rankings that were replaced some time ago, and what runs that never finished have left.",
		Parameters: []batch.Parameter{{
			Name: "keep", Help: "How long they are kept for readers who are in the middle of their pages: 1m or longer.", Default: "1h",
		}},
		Plan: func(p job.Parameters) ([]batch.Step, error) {
			keep, err := time.ParseDuration(p["keep"])
			if err != nil || keep < time.Minute {
				return nil, ErrKeep.Because("keep: %q cannot be used: give 1m or longer", p["keep"])
			}
			return purge(keep, func(ctx context.Context, tx store.Tx, before time.Time) (int64, error) {
				return tx.Published.Purge(ctx, before, chunkSize)
			}), nil
		},
	}
}

// ErrKeep is the error of a time that cannot be used.
var ErrKeep = fault.New(fault.Invalid, "JOB_PARAMETERS", "keep is wrong")

// ErrDays is the error of a number of days that is none.
var ErrDays = fault.New(fault.Invalid, "JOB_PARAMETERS", "days is wrong")

// purge returns a step that deletes chunk after chunk until a chunk is not full. What is
// deleted is older than life when the run begins.
func purge(life time.Duration, deleteChunk func(ctx context.Context, tx store.Tx, before time.Time) (int64, error)) []batch.Step {
	return []batch.Step{{
		Name: "purge",
		Chunk: func(ctx context.Context, tx store.Tx, c batch.Chunk) (batch.Progress, error) {
			n, err := deleteChunk(ctx, tx, c.At.Add(-life))
			return batch.Progress{Counts: batch.Counts{Read: n, Written: n}, Done: n < chunkSize}, err
		},
	}}
}
